// A program that has entered a namespace of its own, or made segments, is
// refused by name, and goes on.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t segment 2>&1 | FileCheck %s
// RUN: bash %S/../tools/Inputs/as-nobody %hwckpt run -- %t segment 2>&1 | \
// RUN:   FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}: modify_ldt: segments of the program's own
// CHECK: goes on
// RUN: %hwckpt run -- %t 2>&1 | FileCheck --check-prefix=ENTERS %s
// ENTERS: HWCKPT-E208: {{.*}}: uts: the program has entered a namespace
// ENTERS: goes on
#include "behaviour.h"
#include <asm/ldt.h>
int main(int argc, char **argv) {
  struct user_desc segment = {.limit = 1, .limit_in_pages = 1};
  CHECK_EQUAL(came_back(), 0);
  if (argc == 2 && syscall(SYS_modify_ldt, 1, &segment, sizeof segment) != 0)
    SKIP("no segments");
  if (argc == 1 && unshare(CLONE_NEWUTS) != 0)
    SKIP("no namespaces");
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  dprintf(2, "goes on\n");
  return 0;
}
