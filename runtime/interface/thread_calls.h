/* thread_calls.h - hwckpt_thread_save() and its like: one thread goes back to
 * where it was, while the others run. All is in memory, the program's: a
 * checkpoint has it too.
 */
#ifndef HWCKPT_INTERFACE_THREAD_CALLS_H
#define HWCKPT_INTERFACE_THREAD_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the calling thread has saved itself; how often it came back. */
bool thread_calls_saved(uint32_t *times);
/* The calling thread goes back; returns when it cannot. Async-signal-safe. */
int thread_calls_load(void);

#endif
