/* rseq.h - restartable sequences (rseq(2)): the area into which the kernel
 * writes on which processor a thread runs. Of libc's it is known where it is;
 * of one that the program registers itself, in the place of libc's, as far as
 * it is registered through libc's syscall(): the kernel says whether a certain
 * area is registered, not which one is.
 */
#ifndef HWCKPT_SUPPORT_RSEQ_H
#define HWCKPT_SUPPORT_RSEQ_H

#include <stdint.h>

#include "records.pb.h"

/* Fills in what is registered for the thread whose fs_base the message has. */
void rseq_describe(Thread *thread);

/* The calling thread's own one, of an earlier thread with this thread pointer,
 * is forgotten; in a signal handler. */
void rseq_look(uint64_t fs_base);

/* rseq(2) of the calling thread, which is noted; its result. */
long __hwckpt_rseq(void *area, uint32_t length, int flags, uint32_t signature);

#endif
