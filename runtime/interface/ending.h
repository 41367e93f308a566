/* ending.h - the end of a process while its part of a checkpoint is written.
 */
#ifndef HWCKPT_INTERFACE_ENDING_H
#define HWCKPT_INTERFACE_ENDING_H

/* Waits until what was captured of this process is written: when it ends, or
 * executes another program, before that, the checkpoint fails, of all
 * processes. With the stop signal blocked, so that what follows at once is not
 * captured. Async-signal-safe; in a child between vfork and exec it does
 * nothing. */
void __hwckpt_await_written(void);

/* Before the process ends by itself: blocks that signal in this thread, and
 * waits. */
void __hwckpt_before_end(void);

/* Before this thread ends alone, by a system call: where it is the program's
 * last it ends the process, which the runtime's threads would keep. */
void __hwckpt_before_thread_end(int status);

#endif
