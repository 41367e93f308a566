// A rollback that fails half-way - there is no room any more for a thread that
// has ended since - ends the program, says so, and `hwckpt restore` goes on
// from the checkpoint. REQUIRES: root
// RUN: %behaviour %s -o %t && rm -rf %t.folder && mkdir %t.folder && %python %S/Inputs/rollback_broken.py %hwckpt %t %t.folder
#include "behaviour.h"
#include <pthread.h>

static int ends[2];

static void *until_told(void *unused) {
  char byte;
  CHECK_EQUAL(read(ends[0], &byte, 1), 1);
  return unused;
}

static void until_limited(void) {
  double begin = now();
  while (access("limited", F_OK) != 0) {
    CHECK(now() - begin < 60);
    usleep(1000);
  }
}

int main(int argc, char **argv) {
  pthread_t thread;
  CHECK_EQUAL(argc, 2);
  CHECK_EQUAL(chdir(argv[1]), 0);
  CHECK_EQUAL(pipe(ends), 0);
  CHECK_EQUAL(pthread_create(&thread, NULL, until_told, NULL), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  if (first_time("ended")) {
    until_limited();
    roll_back();
  }
  return 42;
}
