/* syscall.h - raw system calls, x86-64.
 *
 * The runtime makes its system calls itself: no errno, no cancellation point,
 * no interceptor of a sanitizer in between, and usable on threads that have no
 * thread-local storage of libc. Async-signal-safe.
 */
#ifndef HWCKPT_ARCH_SYSCALL_H
#define HWCKPT_ARCH_SYSCALL_H

/* Returns the kernel's result: a negative errno on failure. */
static inline long arch_syscall6(long number, long a, long b, long c, long d,
                                 long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                     "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

#endif
