// Where a user may have no more threads (RLIMIT_NPROC) before the runtime has
// its own, a save fails and the reason is said, once; so it is without a save.
// RUN: test $(id -u) = 0 && as="bash %S/../tools/Inputs/as-nobody" || as=; %behaviour %s -o %t && $as %hwckpt run -- %t 2>&1 | FileCheck %s
// CHECK: HWCKPT-E206: {{.*}}thread of the runtime: no more are allowed (RLIMIT_NPROC
// CHECK-NOT: HWCKPT-E
// CHECK-NOT: not so
#include "behaviour.h"
#include <sys/resource.h>
int main(void) {
  struct rlimit before, none = {0};
  CHECK(getrlimit(RLIMIT_NPROC, &before) == 0);
  none.rlim_max = before.rlim_max;
  CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), -EAGAIN);
  CHECK_EQUAL(__builtin_ckpt_save(), -EAGAIN);
  CHECK(setrlimit(RLIMIT_NPROC, &before) == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  return 0;
}
