/* protect.h - written pages found by mprotect(2), for kernels that have nothing
 * better (the option track=mprotect).
 *
 * In the stop of a checkpoint private anonymous memory is made read-only; the
 * handler of SIGSEGV makes a page writable at its first write and notes it. The
 * kernel does not fault where it writes for the program, the call fails with
 * EFAULT: so all system calls of the program's libc come here first (calls.h),
 * and what they may have filled is opened (protect_calls.h). Not protected are
 * the stacks and thread-local memory of threads, for signal frames, rseq and
 * what ends a thread are written there by the kernel itself, the runtime's own
 * variables, and whatever is small.
 *
 * Invariant: a page that protect_each_written() leaves out is as it was when it
 * was noted. Between protect_lift() and protect_set() nothing is protected, so
 * that a capture sees the program's own map.
 */
#ifndef HWCKPT_SUPPORT_PROTECT_H
#define HWCKPT_SUPPORT_PROTECT_H

#include "memory_map.h"
#include "page_scan.h"
#include "quiesce.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- on threads of the program, in handlers too ---- */

/* In the handler of SIGSEGV: whether it was a write to what is protected here,
 * which may be made again. */
bool protect_fault(const siginfo_t *info, const ucontext_t *context);

/* Lets everybody write to [begin, end), the kernel too. */
void protect_open(uint64_t begin, uint64_t end);
/* The same; and it is the program's to protect and to unmap from now on. */
void protect_leave(uint64_t begin, uint64_t end);
/* The heap will end there. */
void protect_heap_ends(uint64_t end);
/* Whether anything is protected: the three do nothing if not. */
bool protect_is_on(void);

/* ---- on the checkpoint thread ---- */

/* Memory for what follows. False: there is none. */
bool protect_reserve(void);

/* In the stop: nothing is protected any more. The map is read meanwhile, and
 * says where the program has changed it by itself. */
int protect_lift(struct memory_map *map, struct hwckpt_error *error);

/* Begins to note what is to be protected. */
void protect_begin(void);
/* Pages of the area that hold something, ascending. */
void protect_note(const struct area *area, uint64_t begin, uint64_t end);
/* Counts as written when it is asked next. */
void protect_touch(uint64_t begin, uint64_t end);
/* Of pages that hold something, those written since they were protected; all
 * where that is not known. */
int protect_each_written(uint64_t begin, uint64_t end, dirty_visit *visit,
                         void *context);
/* Protects what was noted: all threads go on next. */
void protect_set(const struct parked *threads, unsigned count);

/* In a forked child: opens everything, for good. */
void protect_end(void);
/* In the restored program: nothing is protected. */
void protect_forget(void);

#endif
