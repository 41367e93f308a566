/* stopped_children.c - children that a signal has stopped (SIGSTOP and the
 * like), in a tree of processes.
 *
 * A restored child stops itself when all go on, and its parent waits for that
 * before it does: it asks for what it had asked for before, and gets no SIGCHLD
 * that it did not get then. */
#include "../arch/sys.h"
#include "../support/handlers.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "resource.h"
#include "tree.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  uint64_t own = (uint64_t)SYS(getpid);
  for (size_t i = 0; !result && sink->tree && i < sink->tree_count; i++) {
    const struct tree_fact *row = &sink->tree[i];
    if (row->device != TREE_STOPPED_DEVICE || row->file != own)
      continue;
    StoppedChild child = StoppedChild_init_zero;
    child.pid = (int32_t)row->inode;
    child.waits = row->flags & TREE_STOPPED_WAITS;
    result = resource_put(sink, RECORD_STOPPED_CHILD, StoppedChild_fields,
                          &child, error);
  }
  return result;
}

/* ---- restoring ---- */

static bool any(const struct resource_source *source) {
  size_t at = (size_t)-1;
  return source->take && resource_next(source, RECORD_STOPPED_CHILD, &at);
}

static LIVE struct sigaction_raw before;

/* Until they have stopped no signal says so. */
static int finish(struct resource_source *source, struct hwckpt_error *error) {
  (void)error;
  if (!any(source))
    return 0;
  SYS(rt_sigaction, SIGCHLD, 0, &before, sizeof(before.mask));
  struct sigaction_raw quiet = before;
  quiet.flags |= SA_NOCLDSTOP;
  SYS(rt_sigaction, SIGCHLD, &quiet, 0, sizeof(quiet.mask));
  return 0;
}

static void await_stop(const StoppedChild *child) {
  siginfo_t info;
  long result;
  do
    result =
        SYS(waitid, P_PID, child->pid, &info, WSTOPPED | WEXITED | WNOWAIT, 0);
  while (result == -EINTR);
  if (result == 0 && info.si_code == CLD_STOPPED && !child->waits)
    SYS(waitid, P_PID, child->pid, &info, WSTOPPED | WNOHANG, 0);
}

static void go_on(struct resource_source *source) {
  StoppedChild child;
  struct hwckpt_error error;
  if (!any(source))
    return;
  for (size_t at = (size_t)-1;
       resource_next(source, RECORD_STOPPED_CHILD, &at);)
    if (!resource_get(&source->records[at], StoppedChild_fields, &child,
                      &error))
      await_stop(&child);
  SYS(rt_sigaction, SIGCHLD, &before, 0, sizeof(before.mask));
}

const struct resource_kind hwckpt_resource_stopped_children = {
    .name = "stopped children",
    .save = save,
    .finish = finish,
    .go_on = go_on,
};
