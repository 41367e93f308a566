/* sys.h - system calls by name, over the architecture's arch_syscall6().
 *
 * Each returns what the kernel returns: a negative errno on failure.
 */
#ifndef HWCKPT_ARCH_SYS_H
#define HWCKPT_ARCH_SYS_H

#include "x86_64/syscall.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* SYS(call, args...): one system call by its name, up to six arguments. */
#define SYS(...)                                                               \
  SYS_PICK(__VA_ARGS__, SYS_6, SYS_5, SYS_4, SYS_3, SYS_2, SYS_1, SYS_0, 0)    \
  (__VA_ARGS__)
#define SYS_PICK(n, a, b, c, d, e, f, pick, ...) pick
#define SYS_0(n) arch_syscall6(SYS_##n, 0, 0, 0, 0, 0, 0)
#define SYS_1(n, a) arch_syscall6(SYS_##n, (long)(a), 0, 0, 0, 0, 0)
#define SYS_2(n, a, b) arch_syscall6(SYS_##n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS_3(n, a, b, c)                                                      \
  arch_syscall6(SYS_##n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS_4(n, a, b, c, d)                                                   \
  arch_syscall6(SYS_##n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_5(n, a, b, c, d, e)                                                \
  arch_syscall6(SYS_##n, (long)(a), (long)(b), (long)(c), (long)(d),           \
                (long)(e), 0)
#define SYS_6(n, a, b, c, d, e, f)                                             \
  arch_syscall6(SYS_##n, (long)(a), (long)(b), (long)(c), (long)(d),           \
                (long)(e), (long)(f))

#endif
