/* watcher.h - the runtime's thread that waits for descriptors of monitors.
 *
 * The checkpoint thread sleeps on a futex; what tells of its events by a
 * descriptor is watched by this one, which has the same table of descriptors
 * and is started by the first that wants it. Descriptors are added and removed
 * on the checkpoint thread, or in `ready`.
 */
#ifndef HWCKPT_INTERFACE_WATCHER_H
#define HWCKPT_INTERFACE_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

/* Called on the watcher, which all signals are blocked in: that of the events
 * (EPOLL...) that are there. It must not wait. */
typedef void watcher_ready(uint32_t argument, uint32_t events);

/* 0 or a negative errno. */
int watcher_add(int descriptor, uint32_t events, watcher_ready *ready,
                uint32_t argument);
/* Before it is closed. `ready` may be under way. */
void watcher_remove(int descriptor);

/* Who a signal may be sent to: that one is blocked, comes from nobody else, and
 * goes to `ready` of what sent it, with EPOLLMSG and the descriptor that it
 * names. 0 or a negative errno. */
#define WATCHER_SIGNAL 32 /* one that libc keeps for itself */
int watcher_take_signals(watcher_ready *ready, int *tid);

/* In the restored program: there is none. */
void watcher_forget(void);

#endif
