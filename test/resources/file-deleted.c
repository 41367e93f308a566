// An open file that has no name is named when the checkpoint is taken, and
// again when the restore is refused; the program that has it open goes on.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t %t.file 2>&1 | FileCheck %s --check-prefix=RUNS
// RUNS: HWCKPT-E205: {{.*}}deleted.c.tmp.file (deleted): descriptor 3 is of a
// deleted file RUNS: goes on
// RUN: not %hwckpt restore 2>&1 | FileCheck %s --check-prefix=RESTORE
// RESTORE: HWCKPT-E303: {{.*}}deleted.c.tmp.file
#include "behaviour.h"
#include <fcntl.h>
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK_EQUAL(fd, 3);
  CHECK_EQUAL(unlink(argv[1]), 0);
  CHECK_EQUAL(write(fd, "here", 4), 4);
  CHECK_EQUAL(came_back(), 0);
  char text[4];
  CHECK_EQUAL(pread(fd, text, 4, 0), 4);
  CHECK(memcmp(text, "here", 4) == 0);
  dprintf(2, "goes on\n");
  return 0;
}
