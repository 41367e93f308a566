// What a restore does with files that changed since the checkpoint: the option
// files, of the program or of the restore.
// RUN: %behaviour %s -o %t
// RUN: rm -f %t.file; %hwckpt run -- %t %t.file || test $? = 137
// RUN: not %hwckpt restore -o files=check 2>&1 | FileCheck %s
// CHECK: HWCKPT-E320: {{.*}}.file: descriptor {{[0-9]+}}: 12 bytes, 6 at the checkpoint
// RUN: grep -c . %t.file | grep -x 2
// RUN: %hwckpt restore -o files=keep && printf 'first\nafter\nrestored\n' | cmp - %t.file
// RUN: %hwckpt restore && printf 'first\nrestored\n' | cmp - %t.file
// RUN: rm -rf $HWCKPT_CACHE %t.file; %hwckpt run -o files=keep -- %t %t.file || test $? = 137
// RUN: %hwckpt restore && printf 'first\nafter\nrestored\n' | cmp - %t.file
// RUN: rm -rf $HWCKPT_CACHE %t.file; %hwckpt run -o files=check -- %t %t.file nothing || test $? = 137
// RUN: %hwckpt restore && printf 'first\nrestored\n' | cmp - %t.file
// Overwritten: taken back, also by its old name; not with files=truncate.
// RUN: for files in rollback exact truncate; do rm -rf $HWCKPT_CACHE %t.file; %hwckpt run -o files=$files -- %t %t.file over || test $? = 137; %hwckpt restore 2>%t.$files; cp %t.file %t.file.$files; done; true
// RUN: printf 'first\nrestored\n' | tee %t.wanted | cmp - %t.file.rollback && cmp %t.wanted %t.file.exact && ! grep . %t.rollback %t.exact
// RUN: ! cmp -s %t.wanted %t.file.truncate
// What there is no room for in the undo log is said.
// RUN: rm -rf $HWCKPT_CACHE %t.file; %hwckpt run -o undo=64 -- %t %t.file over || test $? = 137
// RUN: %hwckpt restore 2>&1 | FileCheck --check-prefix=LEFT %s
// LEFT: HWCKPT-E315: {{.*}}.file: too much of it was changed to be kept
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
