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
#include "task.h"
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdatomic.h>

static bool is_apart_from(int tid) {
  return SYS(kcmp, SYS(gettid), tid, KCMP_VM, 0, 0) > 0;
}

static void look_at(int tid, void *context) {
  bool *apart = context;
  *apart = *apart && is_apart_from(tid);
}

static _Atomic int by_libc; /* the process that its fork() began */

void forked_note(void) { atomic_store(&by_libc, (int)SYS(getpid)); }

/* Who has less rights than its parent may not compare. A first thread that has
 * ended has no memory: then the others tell. */
bool forked_is_apart(void) {
  char path[32], unused;
  if (atomic_load(&by_libc) == (int)SYS(getpid))
    return true;
  int parent = (int)SYS(getppid);
  bool apart = is_apart_from(parent);
  hwckpt_format(path, sizeof path, "/proc/%d/exe", parent);
  if (apart && SYS(readlinkat, AT_FDCWD, path, &unused, 1) == -ENOENT)
    task_each_of(parent, look_at, &apart);
  return apart;
}

void forked_begin(bool (*keeps)(const void *memory)) {
  protect_end();
  quiesce_forget();
  checkpoint_forget();
  undo_forget();
  rollback_forget();
  private_drop(keeps);
}
