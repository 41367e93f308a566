/* traced.h - what the registers of a thread say that stands in a stop of
 * ptrace(2). Each architecture's folder implements it. */
#ifndef HWCKPT_TOOL_TRACED_H
#define HWCKPT_TOOL_TRACED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* At the first instruction of a signal's handler: the address of the signal
 * mask that it returns to, 0: not known. */
uint64_t traced_mask_behind_handler(pid_t tid);
/* At a system call: whether it is the one that ends a handler. */
bool traced_returns_from_handler(pid_t tid);

#endif
