/* protect_calls.h - what system calls of the program write into its memory.
 *
 * Invariant: all of it is told, or more. Of calls that are not known closer two
 * pages behind each argument are, for what they fill is no larger. Not covered
 * are buffers whose address the kernel finds in other memory than vectors and
 * messages (some ioctl(2), keyctl(2), bpf(2), io_submit(2)).
 */
#ifndef HWCKPT_SUPPORT_PROTECT_CALLS_H
#define HWCKPT_SUPPORT_PROTECT_CALLS_H

#include "../arch/arch.h"

#include <stdint.h>

typedef void protect_range_visit(uint64_t begin, uint64_t end);

/* What the call may fill. */
void protect_calls_fill(const struct arch_call *call,
                        protect_range_visit *visit);
/* The locks that the kernel marks when the thread of that list ends. */
void protect_calls_robust(uint64_t list, protect_range_visit *visit);
/* What calls may fill that handlers of signals have interrupted, by the frames
 * on the stack above sp, and that are made again. */
void protect_calls_interrupted(uint64_t sp, protect_range_visit *visit);

/* On the program's thread, before the call: opens what it may fill, leaves what
 * it maps anew, and takes SIGSEGV out of what it blocks. */
void protect_calls_before(struct arch_call *call);

#endif
