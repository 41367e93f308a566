/* forked.c - see forked.h.
 *
 * A child has a copy of the runtime's memory, and neither its threads nor what
 * they hold open: like a program that comes back from a checkpoint, but that
 * private memory is there, and what the program was started with is known. What
 * tracks written memory is not inherited, so its first generation is a base. */
#include "forked.h"

#include "../arch/sys.h"
#include "checkpoint.h"
#include "private.h"
#include "protect.h"
#include "quiesce.h"
#include "rollback.h"
#include "undo.h"

#include <linux/kcmp.h>

bool forked_is_apart(void) {
  return SYS(kcmp, SYS(getpid), SYS(getppid), KCMP_VM, 0, 0) > 0;
}

void forked_begin(bool (*keeps)(const void *memory)) {
  protect_end();
  quiesce_forget();
  checkpoint_forget();
  undo_forget();
  rollback_forget();
  private_drop(keeps);
}
