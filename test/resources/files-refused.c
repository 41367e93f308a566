// A restore that is refused late, when all that can be checked before has been,
// changes no file: neither what was overwritten nor what was appended nor where
// names lead. When what refused it is gone, it goes on as if nothing had been.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   mkdir d && (%hwckpt run -- %t d || test $? = 137) && \
// RUN:   cp d/data d/was && ls d >names && \
// RUN:   flock d/locked not %hwckpt restore 2>&1 | FileCheck %s && \
// RUN:   cmp d/data d/was && ls d | cmp - names && rm d/was && %hwckpt restore'
// CHECK: HWCKPT-E319
#include "behaviour.h"
#include <sys/file.h>

int main(int argc, char **argv) {
  char text[16] = "";
  CHECK(argc == 2 && chdir(argv[1]) == 0);
  int data = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
  int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
  int locked = open("locked", O_RDWR | O_CREAT, 0600);
  CHECK(write(data, "0123456789", 10) == 10 && write(log, "log", 3) == 3);
  CHECK(locked >= 0 && flock(locked, LOCK_EX) == 0);
  if (!came_back()) {
    CHECK_EQUAL(pwrite(data, "xyz", 3, 2), 3);
    CHECK_EQUAL(write(log, "more", 4), 4);
    CHECK_EQUAL(rename("log", "elsewhere"), 0);
    CHECK(first_time("new"));
    die();
  }
  CHECK_EQUAL(pread(data, text, sizeof text, 0), 10);
  CHECK(memcmp(text, "0123456789", 10) == 0);
  CHECK(access("log", F_OK) == 0 && access("elsewhere", F_OK) != 0);
  CHECK_EQUAL(lseek(log, 0, SEEK_END), 3);
  return 0;
}
