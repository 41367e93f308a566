/* ending.h - the end of a process while its part of a checkpoint is written.
 */
#ifndef HWCKPT_INTERFACE_ENDING_H
#define HWCKPT_INTERFACE_ENDING_H

/* Before the process ends by itself, or executes another program: waits until
 * what was captured of it is written, for else the checkpoint would fail, of all
 * processes. Async-signal-safe; in a child between vfork and exec it does
 * nothing. */
void __hwckpt_before_end(void);

#endif
