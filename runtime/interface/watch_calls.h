/* watch_calls.h - the kernel's writes to watched memory, around system calls of
 * the program; what is asked of on its threads uses general registers only. */
#ifndef HWCKPT_INTERFACE_WATCH_CALLS_H
#define HWCKPT_INTERFACE_WATCH_CALLS_H

#include "../arch/arch.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a system call of that number may write to the program's memory. */
bool watch_calls_want(uint32_t number);
/* The listener (calls.h). */
void watch_calls_before(const struct arch_call *call);

/* Of the program's memory; what is not there counts as nothing. */
uint64_t watch_calls_sum(uint64_t begin, uint64_t length);

/* On the checkpoint thread: looks whether calls have changed what they were
 * given. When to look again, UINT64_MAX: none is on its way. */
uint64_t watch_calls_look(uint64_t now_ns);
/* While all threads stand: what calls have written to [begin, end) was told. */
void watch_calls_known(uint64_t begin, uint64_t end);
/* A checkpoint begins. */
void watch_calls_begun(void);
/* In a process that has none on its way. */
void watch_calls_forget(void);

#endif
