// rollback_every=K rolls back once at each K-th site, and the program comes to
// the same end.
// RUN: %behaviour %s -o %t && %t >%t.plain
// RUN: %hwckpt run -o every_site=50:rollback_every=7:verbosity=1 -- %t 2>&1 >%t.out | grep -c 'rolled back to' | FileCheck %s
// RUN: cmp %t.out %t.plain
// 400 sites, some more in the turns that are repeated.
// CHECK: {{^(5|6|7|8)[0-9]$}}
// RUN: HWCKPT_OPTIONS=rollback_every=3 %t | cmp - %t.plain
// RUN: not env HWCKPT_OPTIONS=rollback_every=-1 %t 2>&1 | FileCheck --check-prefix=WRONG %s
// WRONG: HWCKPT-E201: {{.*}}rollback_every
#include "behaviour.h"

int main(void) {
  unsigned long x = 1;
  for (int i = 0; i < 400; i++) {
#pragma hwckpt site
    x = x * 6364136223846793005ul + 1442695040888963407ul;
    if (i % 50 == 0)
      dprintf(1, "%d %lx\n", i, x);
  }
  dprintf(1, "%lx\n", x);
  return 0;
}
