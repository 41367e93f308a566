/* rseq.h - restartable sequences (rseq(2)): the area into which the kernel
 * writes on which processor a thread runs. The kernel says whether a certain
 * area is registered, not which one is: it may be libc's, or one that the
 * program has registered itself, in the place of libc's, as far as that was by
 * libc's syscall().
 */
#ifndef HWCKPT_SUPPORT_RSEQ_H
#define HWCKPT_SUPPORT_RSEQ_H

#include <stdint.h>

#include "records.pb.h"

enum rseq_kind { RSEQ_OF_LIBC, RSEQ_OWN, RSEQ_NONE };

/* What is registered for the calling thread, which has this thread pointer; in
 * a signal handler. Changes nothing that is registered. */
enum rseq_kind rseq_look(uint64_t fs_base);

/* Fills that in, for the thread whose fs_base the message has. */
void rseq_describe(Thread *thread, enum rseq_kind kind);

/* rseq(2) of the calling thread, which is noted; its result. */
long __hwckpt_rseq(void *area, uint32_t length, int flags, uint32_t signature);

#endif
