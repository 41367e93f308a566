/* fake_kernel.h - included before all else where the runtime's or the
 * restorer's code is fuzzed: its system calls come to fake_kernel() instead.
 *
 * Invariant: nothing that is read from a record reaches the kernel.
 */
#ifndef HWCKPT_TEST_FAKE_KERNEL_H
#define HWCKPT_TEST_FAKE_KERNEL_H

/* Instead of runtime/arch/x86_64/syscall.h. */
#define HWCKPT_ARCH_SYSCALL_H

/* The target's own: a result as of the kernel, a negative errno. */
long fake_kernel(long number, const long arguments[6]);

static inline long arch_syscall6(long number, long a, long b, long c, long d,
                                 long e, long f) {
  const long arguments[6] = {a, b, c, d, e, f};
  return fake_kernel(number, arguments);
}

#endif
