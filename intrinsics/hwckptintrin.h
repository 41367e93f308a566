/* hwckptintrin.h - checkpointing from source code.
 *
 * With -fhwckpt the builtins are the compiler's own; without it they are
 * defined here to fail with -ENOSYS, so that one source serves both builds.
 */
#ifndef HWCKPTINTRIN_H
#define HWCKPTINTRIN_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* int __builtin_ckpt_save(void);
 *
 * Takes a checkpoint here and returns once it is durable. Every thread of the
 * program is stopped for the capture; the others go on while it is written.
 *
 *   0      the checkpoint was taken;
 *   n > 0  the program comes back to this checkpoint for the n-th time:
 * restored or rolled back; < 0    it failed, a negative errno (-ENOSYS: no
 * runtime).
 *
 * Thread safe; not async-signal-safe. */
#ifndef __HWCKPT__
static inline int __builtin_ckpt_save(void) { return -38; /* -ENOSYS */ }
#endif

/* int __builtin_ckpt_load(void);
 *
 * Rolls the program back to its newest checkpoint, whoever took it: memory, the
 * registers of all threads, which threads there are, and descriptors are as
 * they were; of files, what a restore puts back. The time it takes goes by what
 * was written since. It does not return then: a program whose checkpoint was
 * taken by a save comes out of that save, with the next n, any other goes on
 * where it was checkpointed. What the world has seen of the program stays seen.
 *
 *   < 0    it could not be, a negative errno, and nothing is changed: -ENOENT,
 *          there is no checkpoint; -ENOTSUP, something cannot be put back
 *          (standard error says what); -EIO, the checkpoint cannot be read;
 *          -ENOSYS, no runtime, or a child that was forked.
 *
 * A checkpoint taken by another thread or the timer between the finding that
 * something is wrong and this call holds that finding: limit n.
 *
 * Thread safe and async-signal-safe. */
#ifndef __HWCKPT__
static inline int __builtin_ckpt_load(void) { return -38; /* -ENOSYS */ }
#endif

/* void __builtin_ckpt_poll(void);
 *
 * A place where a checkpoint that was asked for may be taken. It is there in
 * every case: the compiler adds its own where loops and recursion need them,
 * and leaves out those that it can prove needless. */
#ifndef __HWCKPT__
static inline void __builtin_ckpt_poll(void) {}
#endif

/* int __builtin_ckpt_watch(void *address, size_t length);
 *
 * Has a write to that memory be a checkpoint event: as hwckpt_watch(), without
 * a header, and -ENOSYS where there is no runtime. */
#ifndef __HWCKPT__
static inline int __builtin_ckpt_watch(void *address, size_t length) {
  (void)address, (void)length;
  return -38; /* -ENOSYS */
}
#endif

/* Asks for a checkpoint and returns at once; it is taken at the next site or
 * signal. 0, or a negative errno. Thread safe and async-signal-safe. Defined
 * only where -fhwckpt links the runtime. */
int hwckpt_request(void);

/* Takes a checkpoint, as __builtin_ckpt_save() does and with its results, from
 * code that is not compiled with -fhwckpt. */
int hwckpt_checkpoint(void);

/* Rolls back, as __builtin_ckpt_load() does, from code that is not compiled
 * with -fhwckpt. */
int hwckpt_load(void);

/* Where the condition does not hold the program is rolled back, as
 * __builtin_ckpt_load() does, if the option rollback_on has `check`; else, and
 * when it fails again after so many rollbacks to the same checkpoint (option
 * rollback_retries), it is told on standard error and the program ends as by
 * abort(). */
#define hwckpt_check(condition)                                                \
  ((condition) ? (void)0 : hwckpt_check_failed(#condition, __FILE__, __LINE__))
#ifdef __HWCKPT__
__attribute__((noreturn, cold)) void
hwckpt_check_failed(const char *condition, const char *file, int line);
#else
__attribute__((noreturn)) static inline void
hwckpt_check_failed(const char *condition, const char *file, int line) {
  (void)condition, (void)file, (void)line;
  __builtin_abort();
}
#endif

/* Leaves length bytes at address out of all checkpoints to come: what is in
 * them is never written, and after a restore they are zero. As
 * [[hwckpt::exclude]] does for a variable, also for memory of other kinds; the
 * range counts until hwckpt_include() takes it, or a part of it, back: also
 * when the memory is freed and used again. No alignment is asked for, but only
 * whole pages save time and space. 0, or a negative errno (-ENOSYS: in a child,
 * -EINVAL: beyond the address space, -ENOMEM: too many ranges; no checkpoint is
 * taken any more then). Thread safe and async-signal-safe. */
int hwckpt_exclude(void *address, size_t length);
int hwckpt_include(void *address, size_t length);

/* ---- regions: checkpoints of named memory alone, by the application ----
 *
 * A program describes what it needs to go on, saves it now and then, and loads
 * it when it is started again; by another build of it, or on another machine,
 * too. Sets are kept in the cache under the program's name (option application,
 * else that of its file) and the set's: PROGRAM.SET. No other checkpoint, and
 * no `hwckpt run`, is needed. Defined only where -fhwckpt links the runtime. */

/* What the elements of a region are. */
enum hwckpt_type {
  HWCKPT_BYTES, /* structures too: then of this build's layout */
  HWCKPT_INT8,
  HWCKPT_UINT8,
  HWCKPT_INT16,
  HWCKPT_UINT16,
  HWCKPT_INT32,
  HWCKPT_UINT32,
  HWCKPT_INT64,
  HWCKPT_UINT64,
  HWCKPT_FLOAT,
  HWCKPT_DOUBLE,
  HWCKPT_LONG_DOUBLE, /* 16 bytes */
};

/* Describes a region of a set: count elements of a type at address. The same
 * set and name again describe it anew; a null address or no elements takes it
 * out. Nothing is read before it is saved. 0, or a negative errno, and a
 * message
 * (-EINVAL: a name, a type or the size does not fit, -ENOSPC: too many,
 * -ENOSYS: in a child of a program without `hwckpt run`). */
int hwckpt_region(const char *set, const char *name, void *address,
                  size_t count, enum hwckpt_type type);

/* Saves all regions of the set; returns when that is durable. What other
 * threads write to them meanwhile may be in it or not. The number of the
 * generation, above 0; or a negative errno, and a message (-ENOENT: no such
 * set, -EFAULT: memory is not there, -EINVAL: it is excluded, hwckpt_exclude(),
 * -EIO: the cache; the last one saved stays). */
int hwckpt_region_save(const char *set);

/* Loads them as they were saved last, if all fit: else -EINVAL, a message says
 * which does not, and nothing is overwritten. The number of the generation,
 * above 0; 0: nothing was saved yet; or a negative errno. A damaged generation
 * is passed over for the one before, and said. */
int hwckpt_region_load(const char *set);

/* The same, but only the first time that the process calls it for the set;
 * after that 0, and nothing is loaded. What "#pragma hwckpt site regions" calls
 * in front of its loop, which may be reached again. */
int hwckpt_region_enter(const char *set);

/* ---- one thread: back to where it was, while the others run ----
 *
 * In memory alone, and for the calling thread: for work that is tried again
 * when it fails. Saved and put back are its stack from the caller of the save
 * on, the registers that a call keeps, its signal mask, its thread-local
 * variables (not libc's own), and the regions of the set (hwckpt_region();
 * null: none). Not put back are the heap, other memory, what is locked, files,
 * and what the thread did to others. Defined only where -fhwckpt links the
 * runtime. */

/* 0: saved, and what was saved before is dropped; n > 0: the thread comes back
 * to here for the n-th time; < 0: a negative errno (-ENOMEM; -EINVAL: not on
 * the thread's own stack; -EDEADLK: in a critical section; -ENOENT: no such
 * set; -ENOSYS: in a child, as above). The function that calls it may return
 * before the load: its frame comes back too. */
int hwckpt_thread_save(const char *set) __attribute__((returns_twice));

/* Goes back; returns only when it cannot: -ENOENT, nothing is saved; -EFAULT,
 * memory that is to be put back is not mapped any more. With the option
 * rollback_scope=thread a failure (rollback_on) of a thread that has saved
 * itself does this instead of rolling the program back. Async-signal-safe. */
int hwckpt_thread_load(void);

/* What was saved is not needed any more. Before the thread ends. */
void hwckpt_thread_drop(void);

/* What checkpoints have cost: of all since the program began, or of the last
 * one that was committed; nanoseconds and pages. */
struct hwckpt_statistics {
  unsigned long long checkpoints, failures; /* since the begin */
  unsigned long long pause_total_ns, pause_max_ns;
  unsigned long long generation; /* the last one's number, 0: none yet */
  unsigned long long method;     /* 1: stop, 2: pre-copy, 3: copy-on-write */
  unsigned long long pause_ns;   /* request to threads running again */
  unsigned long long stop_ns, describe_ns, scan_ns, copy_ns, resume_ns;
  unsigned long long rounds, precopy_ns; /* of copying before the pause */
  unsigned long long pages_scanned, pages_written, pages_precopied;
  unsigned long long interval_ns; /* of the timer that was in force, 0: none */
  unsigned long long arm_ns, signal_ns, arrive_ns; /* parts of stop_ns */
  unsigned long long track_ns; /* a stop of its own before that, in pause_ns */
  unsigned long long threads, threads_at_sites, signalled;
  /* How much later than the timer it was begun, as the one before was still
   * being written; how long that took; how long it waited for flash itself. */
  unsigned long long delayed_ns, write_ns, waited_ns;
  unsigned long long device_rate; /* bytes a second that flash writes, 0: ? */
  /* Times it was rolled back in place; of these, because of a failure. */
  unsigned long long rollbacks, faults_rolled_back;
  unsigned long long thread_rollbacks; /* threads that went back alone */
};

/* Fills the first `size` bytes (sizeof the structure) of *statistics. 0, or a
 * negative errno (-ENOSYS: in a child). Thread safe and async-signal-safe. */
int hwckpt_statistics(struct hwckpt_statistics *statistics, size_t size);

#ifdef __cplusplus
}
#endif
#endif
