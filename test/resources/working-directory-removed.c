// A working directory that is removed is named when the checkpoint is taken,
// and when the restore is refused; the program goes on.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && %hwckpt run -o on_unsupported=warn -- %t %t.dir 2>&1 | FileCheck %s --check-prefix=RUNS
// RUNS: HWCKPT-E205: {{.*}}.c.tmp.dir (deleted): the working directory is
// removed RUNS: goes on
// RUN: not %hwckpt restore 2>&1 | FileCheck %s --check-prefix=RESTORE
// RESTORE: HWCKPT-E303: {{.*}}.c.tmp.dir
#include "behaviour.h"
int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0 && rmdir(argv[1]) == 0);
  CHECK_EQUAL(came_back(), 0);
  dprintf(2, "goes on\n");
  return 0;
}
