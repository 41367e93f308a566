/* forked.c - see forked.h.
 *
 * A child has a copy of the runtime's memory, and neither its threads nor what
 * they hold open: like a program that comes back from a checkpoint, but that
 * private memory is there, and what the program was started with is known. What
 * tracks written memory is not inherited, so its first generation is a base. */
#include "forked.h"

#include "../arch/sys.h"
#include "../resources/resource.h"
#include "checkpoint.h"
#include "live.h"
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
#include <sys/mman.h>

/* Not 0 in a process that was marked, and in all that have its memory. Others
 * that it makes begin with 0. Null: none is. */
static LIVE _Atomic int *marked;

void forked_mark(void) {
  if (!marked)
    marked = private_map_lasting(sizeof *marked);
  if (marked && SYS(madvise, marked, 4096, MADV_WIPEONFORK) == 0)
    atomic_store(marked, 1);
  else
    marked = 0;
}

/* 0: the same memory. A negative errno: the kernel does not tell. */
static long compare(int tid) {
  return SYS(kcmp, SYS(gettid), tid, KCMP_VM, 0, 0);
}

static bool is_apart_from(int tid) { return compare(tid) > 0; }

static void look_at(int tid, void *context) {
  bool *apart = context;
  *apart = *apart && is_apart_from(tid);
}

/* A first thread that has ended has no memory: then the others tell. */
static bool is_apart_from_parent(void) {
  char path[32], unused;
  int parent = (int)SYS(getppid);
  bool apart = is_apart_from(parent);
  hwckpt_format(path, sizeof path, "/proc/%d/exe", parent);
  if (apart && SYS(readlinkat, AT_FDCWD, path, &unused, 1) == -ENOENT)
    task_each_of(parent, look_at, &apart);
  return apart;
}

/* Of several that have one memory, in which no runtime has begun, one is the
 * parent. What it asks for that may be forbidden. */
bool forked_is_apart(void) {
  bool forbidden = resources_forbid_parent();
  if (!marked)
    return !forbidden && is_apart_from_parent();
  return !atomic_load(marked) && (forbidden || compare((int)SYS(getppid)) != 0);
}

void forked_begin(bool (*keeps)(const void *memory)) {
  protect_end();
  quiesce_forget();
  checkpoint_forget();
  undo_forget();
  rollback_forget();
  private_drop(keeps);
}
