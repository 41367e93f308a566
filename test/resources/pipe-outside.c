// A pipe whose other end is outside the program is named at the checkpoint; the
// program goes on with it. Restored, it finds the other side closed. The other
// end is a child's, which is none of the program without hwckpt run.
// RUN: %behaviour %s -o %t \
// RUN:   && %by_all bash -o pipefail -c 'ALONE=1 HWCKPT_OPTIONS=on_unsupported=warn %restored -- %t 2>&1 | FileCheck %s'
// CHECK: HWCKPT-E205: not part of the checkpoint: pipe:[{{[0-9]+}}]: descriptor 3
// CHECK-NEXT: remedy: see docs/limits.md
// CHECK: goes on
// CHECK-DAG: HWCKPT-E316: {{.*}}: pipe:[{{[0-9]+}}]: descriptor 3
// CHECK-DAG: came back
#include "behaviour.h"
#include <fcntl.h>
int main(void) {
  int ends[2];
  char byte = 0;
  CHECK(pipe(ends) == 0 && ends[0] == 3);
  pid_t child = fork();
  if (child == 0) {
    close(3);
    for (int i = 0; i < 2; i++)
      CHECK(write(ends[1], "x", 1) == 1);
    pause(); /* ended by the kill of whoever reads */
  }
  close(ends[1]);
  CHECK_EQUAL(read(3, &byte, 1), 1);
  if (!came_back()) {
    CHECK_EQUAL(read(3, &byte, 1), 1);
    dprintf(2, "goes on\n");
    kill(child, SIGKILL);
    die();
  }
  CHECK_EQUAL(read(3, &byte, 1), 0);
  dprintf(2, "came back\n");
  return 0;
}
