/* checkpoint_thread.h - the thread that serves what is asked for (requests.h),
 * one thing after the other: it sleeps until there is something to do and it is
 * time for that.
 */
#ifndef HWCKPT_INTERFACE_CHECKPOINT_THREAD_H
#define HWCKPT_INTERFACE_CHECKPOINT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* At the start of a process that is served: there is none. */
void checkpoint_thread_forget(void);
/* When there is none. 0 or a negative errno. Async-signal-safe. */
int checkpoint_thread_start(void);
/* And what checkpoints need, the cache and /proc, is opened by it now, if that
 * takes no more than a second; it says why not. */
void checkpoint_thread_open(void);
bool checkpoint_thread_is_there(void);

/* When it began the last checkpoint, 0: none yet. On any thread. */
uint64_t checkpoint_thread_begun_ns(void);

#endif
