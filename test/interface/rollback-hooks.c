// Every hook rolls back; a program whose first entry by system call was that is
// not killed by the next.
// RUN: for hook in trap insn syscall interrupt; do %behaviour -fhwckpt-hook=$hook %s -o %t.$hook && %t.$hook || exit 1; done
// RUN: %behaviour -fhwckpt-hook=auto %s -o %t && for hook in trap syscall interrupt auto; do HWCKPT_OPTIONS=hook=$hook %t || exit 1; done
#include "behaviour.h"

int main(void) {
  /* Not by a hook of this program's code. */
  int n = hwckpt_checkpoint();
  CHECK(n >= 0);
  if (n < 4)
    roll_back();
  n = __builtin_ckpt_save();
  CHECK(n >= 0);
  if (n < 2)
    roll_back();
  return 0;
}
