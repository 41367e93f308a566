/* confined.c - see confined.h. A thread of the program that is forbidden a call
 * which it makes to park would be ended by that: it is told instead. */
#include "confined.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "../support/undo.h"
#include "checkpoint_thread.h"
#include "cut.h"
#include "events.h"
#include "monitor.h"

bool __hwckpt_before_filter(void) {
  bool there = events_serve() && checkpoint_thread_start() == 0;
  undo_before_filter();
  return there;
}

/* Whether this process is one whose checkpoints are taken by what root may. */
static bool is_served_by_root(void) {
  return cut_is_there() && SYS(geteuid) == 0 && events_serve();
}

void __hwckpt_before_user_change(void) {
  if (is_served_by_root())
    checkpoint_thread_start();
}

void __hwckpt_before_root_change(void) {
  if (is_served_by_root())
    checkpoint_thread_open();
}

void __hwckpt_before_filter_of_all(void) { undo_before_filter_of_all(); }

void __hwckpt_undo_forbidden(void) { undo_forbid(); }

void __hwckpt_asking_forbidden(void) { undo_forbid_asking(); }

int confined_may_park(void) {
  static struct hwckpt_error error;
  if (checkpoint_may_stop(&error) == 0)
    return 0;
  events_say(&error);
  return events_errno(&error);
}
