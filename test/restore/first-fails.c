// The first checkpoint is not taken: what the program changed before the next
// stays where it is restored from that.
// RUN: %clang -fhwckpt %s -o %t && rm -f %t.file
// RUN: (%hwckpt run -- %t %t.file || test $? = 137) 2>&1 | FileCheck %s
// RUN: %hwckpt restore || test $? = 7
// CHECK: E208
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>

static int file;
static void put(char letter) {
  char page[4096];
  memset(page, letter, sizeof page);
  CHECK(pwrite(file, page, sizeof page, 4096) == sizeof page);
}
static char get(void) {
  char letter = 0;
  CHECK(pread(file, &letter, 1, 4096) == 1);
  return letter;
}

int main(int argc, char **argv) {
  int restored;
  CHECK(argc == 2);
  CHECK((file = open(argv[1], O_RDWR | O_CREAT, 0600)) >= 0);
  CHECK(ftruncate(file, 12288) == 0);
  int refused = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, 0);
  CHECK(refused >= 0);
  put('a');
  CHECK(__builtin_ckpt_save() < 0);
  put('b');
  CHECK(close(refused) == 0);
  restored = save();
  CHECK(get() == 'b');
  put('c');
  if (!restored)
    kill(getpid(), SIGKILL);
  return 7;
}
