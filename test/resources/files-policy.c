// What a restore does with files that changed since the checkpoint: the option
// files, of the program or of the restore.
// RUN: %behaviour %s -o %t && %by_all bash %S/Inputs/files-policy %hwckpt %t %s
// CHECK: HWCKPT-E320: {{.*}}/file: descriptor {{[0-9]+}}: 12 bytes, 6 at the checkpoint
// LEFT: HWCKPT-E315: {{.*}}/file: too much of it was changed to be kept
#include "behaviour.h"
#include <stdbool.h>
int main(int argc, char **argv) {
  CHECK(argc >= 2);
  bool over = argc == 3 && strcmp(argv[2], "over") == 0;
  int fd = open(argv[1], O_WRONLY | O_CREAT | (over ? 0 : O_APPEND), 0600);
  CHECK(fd >= 0 && write(fd, "first\n", 6) == 6);
  if (!came_back()) {
    if (over)
      CHECK_EQUAL(pwrite(fd, "F", 1, 0), 1);
    if (argc == 2)
      CHECK_EQUAL(write(fd, "after\n", 6), 6);
    die();
  }
  CHECK_EQUAL(write(fd, "restored\n", 9), 9);
  return 0;
}
