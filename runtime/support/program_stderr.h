/* program_stderr.h - the program's standard error, for the runtime's threads.
 *
 * They have tables of descriptors of their own and keep none of the program's
 * open: it is borrowed for a message and given back.
 */
#ifndef HWCKPT_SUPPORT_PROGRAM_STDERR_H
#define HWCKPT_SUPPORT_PROGRAM_STDERR_H

/* Whose it is, where the main thread may have ended; 0: the main thread's. */
void program_stderr_is_of(int tid);
/* Descriptor 2 of the calling runtime thread is the program's until
 * program_stderr_return(); it stays /dev/null when the program has none. */
void program_stderr_borrow(void);
void program_stderr_return(void);

#endif
