// Memory that is left out of checkpoints is zero after a rollback, written
// since or not, and what lies beside it is as it was.
// RUN: %behaviour %s -o %t && %t
#include "behaviour.h"

[[hwckpt::exclude]] static char scratch[5 * 4096];
static char *part;

int main(void) {
  part = aligned_alloc(4096, 3 * 4096);
  memset(part, 'p', 3 * 4096);
  memset(scratch, 's', sizeof scratch);
  CHECK_EQUAL(hwckpt_exclude(part + 100, 5000), 0);
  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  for (int i = 0; i < 3 * 4096; i++)
    CHECK_EQUAL(part[i], n && i >= 100 && i < 5100 ? 0 : 'p');
  for (unsigned i = 0; i < sizeof scratch; i++)
    CHECK_EQUAL(scratch[i], n ? 0 : 's');
  if (n == 3)
    return 0;
  if (n) {
    scratch[1] = 'x';
    part[200] = part[6000] = 'x';
    hwckpt_include(part, 3 * 4096);
  }
  roll_back();
}
