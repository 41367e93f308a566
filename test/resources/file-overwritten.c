// A file that was overwritten in its middle is not rolled back; that is said,
// by name, and the program goes on.
// RUN: %behaviour %s -o %t && %restored -- %t %t.file 2>&1 | FileCheck %s
// CHECK-DAG: HWCKPT-E315: {{.*}}overwritten.c.tmp.file: descriptor 3: written in its middle
// CHECK-DAG: goes on
#include "behaviour.h"
#include <fcntl.h>
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK_EQUAL(fd, 3);
  CHECK_EQUAL(write(fd, "0123456789", 10), 10);
  CHECK_EQUAL(lseek(fd, 2, SEEK_SET), 2);
  if (!came_back()) {
    CHECK_EQUAL(write(fd, "ab", 2), 2);
    die();
  }
  char text[10];
  CHECK_EQUAL(lseek(fd, 0, SEEK_CUR), 2);
  CHECK_EQUAL(pread(fd, text, 10, 0), 10);
  CHECK(memcmp(text, "01ab456789", 10) == 0);
  dprintf(2, "goes on\n");
  return 0;
}
