/* monitor.h - event monitors: what watches for one kind of checkpoint event.
 *
 * A monitor asks for a checkpoint with events_request(); that is all it has to
 * do with one. Invariant: starting and stopping happen on the checkpoint
 * thread, whose table of descriptors is its own, so that the program sees and
 * closes none of a monitor's.
 */
#ifndef HWCKPT_INTERFACE_MONITOR_H
#define HWCKPT_INTERFACE_MONITOR_H

#include "events.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct monitor {
  const char *name;
  Event event; /* the one it asks for */
  /* Whether there is something to watch for; on any thread. */
  bool (*wanted)(void);
  /* Begins to watch, or watches for what has changed meanwhile. What it cannot
   * watch it leaves out. */
  void (*start)(const struct hwckpt_options *options);
  void (*stop)(void);
  /* In SIGTRAP's handler, of a trap that a perf event sent: whether it is this
   * monitor's. Null: it has none. */
  bool (*trap)(const siginfo_t *info);
  /* What caused an event, for people; detail is what it was asked for with. */
  void (*describe)(uint32_t detail, char *text, size_t size);
  /* In the restored program: nothing is started. */
  void (*forget)(void);
};

extern const struct monitor watch_monitor; /* watch.c */

bool monitors_wanted(void);
void monitors_start(const struct hwckpt_options *options);
void monitors_stop(void);
bool monitors_trap(const siginfo_t *info);
/* "" for an event that no monitor asks for. */
void monitors_describe(Event event, uint32_t detail, char *text, size_t size);
void monitors_forget(void);

#endif
