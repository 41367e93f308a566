// Names of FIFOs that were removed after the checkpoint, or got by something
// else, lead to FIFOs again, with their modes; those that are open are the ones
// that have the names.
// RUN: %behaviour %s -o %t && %by_all sh -c '! %restored -- %t && %hwckpt restore' 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E
// CHECK-NOT: not so
#include "behaviour.h"
#include <sys/stat.h>
static void is_of(const char *name, mode_t mode) {
  struct stat is;
  CHECK(stat(name, &is) == 0);
  CHECK_EQUAL(is.st_mode, S_IFIFO | mode);
}
int main(void) {
  char byte;
  umask(0);
  CHECK(mkfifo("closed", 0622) == 0 && mkfifo("open", 0600) == 0);
  CHECK(mkfifo("replaced", 0640) == 0 && mkfifo("moved", 0604) == 0);
  int open_one = open("open", O_RDWR | O_NONBLOCK);
  CHECK(open_one >= 0 && write(open_one, "a", 1) == 1);
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  is_of("closed", 0622);
  is_of("open", 0600);
  is_of("replaced", 0640);
  is_of("moved", 0604);
  int other = open("open", O_RDONLY | O_NONBLOCK);
  CHECK(other >= 0 && read(other, &byte, 1) == 1 && byte == 'a');
  if (times < 2) {
    CHECK(unlink("closed") == 0 && unlink("open") == 0);
    CHECK(unlink("replaced") == 0 && mkdir("replaced", 0700) == 0);
    CHECK(rename("moved", "away") == 0);
    die();
  }
  return 0;
}
