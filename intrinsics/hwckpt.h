/* hwckpt.h - checkpointing from source code: the whole API, for C and C++.
 *
 * hwckptintrin.h and more. May be included by code that is not compiled with
 * -fhwckpt, and by programs without the runtime: all functions are weak, and
 * each call fails with -ENOSYS where they are not there (hwckpt_generation() is
 * 0). Other languages call the functions by their C names. docs/hwckpt.3 has
 * all of it.
 */
#ifndef HWCKPT_H
#define HWCKPT_H

#include "hwckptintrin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HWCKPT_WEAK __attribute__((weak))
#define HWCKPT_ABSENT (-38) /* -ENOSYS */

/* Declared in hwckptintrin.h. */
HWCKPT_WEAK int hwckpt_request(void);
HWCKPT_WEAK int hwckpt_checkpoint(void);
HWCKPT_WEAK int hwckpt_load(void);
HWCKPT_WEAK int hwckpt_exclude(void *address, size_t length);
HWCKPT_WEAK int hwckpt_include(void *address, size_t length);
HWCKPT_WEAK int hwckpt_region(const char *set, const char *name, void *address,
                              size_t count, enum hwckpt_type type);
HWCKPT_WEAK int hwckpt_region_save(const char *set);
HWCKPT_WEAK int hwckpt_region_load(const char *set);
HWCKPT_WEAK int hwckpt_region_enter(const char *set);
HWCKPT_WEAK int hwckpt_thread_save(const char *set)
    __attribute__((returns_twice));
HWCKPT_WEAK int hwckpt_thread_load(void);
HWCKPT_WEAK void hwckpt_thread_drop(void);
HWCKPT_WEAK int hwckpt_statistics(struct hwckpt_statistics *statistics,
                                  size_t size);

/* The number of the newest generation that is durable: committed by this run,
 * or the one that the program came back from. 0: none. Async-signal-safe. */
HWCKPT_WEAK unsigned long long hwckpt_generation(void);

/* Waits until that generation, or a later one, is durable: after n =
 * hwckpt_generation() and hwckpt_request(), hwckpt_wait(n + 1, ...). 0;
 * -ETIMEDOUT, after so many milliseconds (negative: never). It asks for none.
 */
HWCKPT_WEAK int hwckpt_wait(unsigned long long generation, int milliseconds);

/* A critical section: no checkpoint is captured until the thread has called
 * hwckpt_enable() as often as hwckpt_disable(), and no other thread has one
 * open. What asks for one meanwhile is served then. A section that begins while
 * threads are about to be stopped waits until they go on. A save by the thread
 * itself is -EDEADLK; a rollback ends all sections. -EPERM: the thread has none
 * open; -EAGAIN: 256 threads have. */
HWCKPT_WEAK int hwckpt_disable(void);
HWCKPT_WEAK int hwckpt_enable(void);

enum hwckpt_moment {
  HWCKPT_BEFORE,      /* a checkpoint is about to be taken */
  HWCKPT_RESUMED,     /* it was captured, or was not taken: go on */
  HWCKPT_RESTORED,    /* this is the restored program */
  HWCKPT_ROLLED_BACK, /* this is the program rolled back, in its process */
};

/* What it returns counts for HWCKPT_BEFORE alone: not 0 refuses the
 * checkpoint. */
typedef int hwckpt_callback_function(enum hwckpt_moment moment, void *argument);

/* Has a function called around each checkpoint: before it in the order of
 * registration, or by `order`, the least first (hwckpt_callback() is 0), and
 * after it in reverse order, those whose "before" returned 0.
 * They run on a thread of their own, which the first call here starts, while
 * all other threads run. They may do all but take a checkpoint (-EDEADLK). The
 * same name again replaces the function, a null one takes it out. 0, or a
 * negative errno (-EINVAL: the name has one character to 63, -ENOSPC: there are
 * 64, -ENOENT: not there, -ENOTSUP: a static program without threads). */
HWCKPT_WEAK int hwckpt_callback(const char *name,
                                hwckpt_callback_function *function,
                                void *argument);
HWCKPT_WEAK int hwckpt_callback_ordered(const char *name,
                                        hwckpt_callback_function *function,
                                        void *argument, int order);

/* All "before" together may take so long, 10000 at first; then there is no
 * checkpoint (HWCKPT-E271), and the program goes on. */
HWCKPT_WEAK int hwckpt_callback_deadline(unsigned milliseconds);

/* Has each write to length bytes at address be a checkpoint event, until
 * hwckpt_unwatch() with the same two: whoever writes, in whatever thread,
 * system calls of the program's libc too; docs/events.md says what is seen, and
 * how. Returns when it is watched; in a callback it is after the checkpoint.
 * After a restore, and a rollback to when it was, it is watched again. 0, also
 * of what is watched already; or a negative errno (-EINVAL: null, no bytes, or
 * beyond the address space; -EFAULT: nothing is mapped in some of it; -ENOSPC:
 * 32 are watched; -ENOTSUP: it cannot be, and a message why; -ENOENT: it is not
 * watched; -EAGAIN: the runtime does not answer; -ENOSYS: in a child that no
 * checkpoint is taken of; one of `hwckpt run` has what its parent has, from its
 * first call on). Before memory is freed: unwatch it. Thread safe; not
 * async-signal-safe. */
HWCKPT_WEAK int hwckpt_watch(void *address, size_t length);
HWCKPT_WEAK int hwckpt_unwatch(void *address, size_t length);

/* A name in its own macro is the function. */
#define HWCKPT_CALL(name, arguments) (name ? name arguments : HWCKPT_ABSENT)
#define hwckpt_request() HWCKPT_CALL(hwckpt_request, ())
#define hwckpt_checkpoint() HWCKPT_CALL(hwckpt_checkpoint, ())
#define hwckpt_load() HWCKPT_CALL(hwckpt_load, ())
#define hwckpt_exclude(address, length)                                        \
  HWCKPT_CALL(hwckpt_exclude, (address, length))
#define hwckpt_include(address, length)                                        \
  HWCKPT_CALL(hwckpt_include, (address, length))
#define hwckpt_region(set, name, address, count, type)                         \
  HWCKPT_CALL(hwckpt_region, (set, name, address, count, type))
#define hwckpt_region_save(set) HWCKPT_CALL(hwckpt_region_save, (set))
#define hwckpt_region_load(set) HWCKPT_CALL(hwckpt_region_load, (set))
#define hwckpt_region_enter(set) HWCKPT_CALL(hwckpt_region_enter, (set))
#define hwckpt_thread_save(set) HWCKPT_CALL(hwckpt_thread_save, (set))
#define hwckpt_thread_load() HWCKPT_CALL(hwckpt_thread_load, ())
#define hwckpt_thread_drop()                                                   \
  (hwckpt_thread_drop ? hwckpt_thread_drop() : (void)0)
#define hwckpt_statistics(statistics, size)                                    \
  HWCKPT_CALL(hwckpt_statistics, (statistics, size))
#define hwckpt_generation() (hwckpt_generation ? hwckpt_generation() : 0ull)
#define hwckpt_wait(generation, milliseconds)                                  \
  HWCKPT_CALL(hwckpt_wait, (generation, milliseconds))
#define hwckpt_disable() HWCKPT_CALL(hwckpt_disable, ())
#define hwckpt_enable() HWCKPT_CALL(hwckpt_enable, ())
#define hwckpt_callback(name, function, argument)                              \
  HWCKPT_CALL(hwckpt_callback, (name, function, argument))
#define hwckpt_callback_ordered(name, function, argument, order)               \
  HWCKPT_CALL(hwckpt_callback_ordered, (name, function, argument, order))
#define hwckpt_callback_deadline(milliseconds)                                 \
  HWCKPT_CALL(hwckpt_callback_deadline, (milliseconds))
#define hwckpt_watch(address, length)                                          \
  HWCKPT_CALL(hwckpt_watch, (address, length))
#define hwckpt_unwatch(address, length)                                        \
  HWCKPT_CALL(hwckpt_unwatch, (address, length))

/* In all languages hwckpt_checkpoint(); a place for a checkpoint that was asked
 * for, in code compiled with -fhwckpt. */
#define hwckpt_save() hwckpt_checkpoint()
#define hwckpt_poll() __builtin_ckpt_poll()

#ifdef __cplusplus
}
#endif
#endif
