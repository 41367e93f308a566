// A working directory that is removed is named when the checkpoint is taken,
// and when the restore is refused; the program goes on.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   mkdir gone && %hwckpt run -o on_unsupported=warn -- %t "$PWD/gone" 2>&1 | FileCheck %s --check-prefix=RUNS && \
// RUN:   ! %hwckpt restore >refused 2>&1 && FileCheck %s --check-prefix=RESTORE <refused'
// RUNS: HWCKPT-E205: {{.*}}/gone (deleted): the working directory is removed
// RUNS: goes on
// RESTORE: HWCKPT-E303: {{.*}}/gone
#include "behaviour.h"
int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0 && rmdir(argv[1]) == 0);
  CHECK_EQUAL(came_back(), 0);
  dprintf(2, "goes on\n");
  return 0;
}
