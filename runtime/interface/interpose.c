/* interpose.c - libc functions that an executable with sites brings itself, so
 * that the traps are never blocked.
 *
 * The kernel ends a program whose breakpoint traps while SIGTRAP is blocked,
 * and a program may block all signals, for a thread or for the time of a
 * handler. These definitions take SIGTRAP, SIGILL and SIGSYS out of the set and
 * pass the call on: to a sanitizer's interceptor where the program has one,
 * else to the kernel or libc. Actions for these three never reach the kernel.
 * And madvise() and inotify_add_watch(), since what they set is not to be seen
 * cheaply, or not by everybody, _exit(), as a checkpoint of several processes
 * waits for what all of them write, and pthread_create(): the first time libc
 * (since 2.34) takes the stop signal.
 * They are weak: a program's own definition comes first. An object of its own,
 * because the runtime's has no names of libc.
 */
#include "interpose.h"
#include "../arch/sys.h"
#include "../resources/credentials_apart.h"
#include "../resources/watched_paths.h"
#include "../support/guards.h"
#include "../support/memory_settings.h"
#include "../support/quiesce.h"
#include "../support/rseq.h"
#include "../support/unhandled.h"
#include "ending.h"
#include "signals.h"
#include "trap_actions.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#define KERNEL_SA_RESTORER 0x04000000u

#define WEAK __attribute__((weak, visibility("default")))

extern int __interceptor_sigprocmask(int, const sigset_t *, sigset_t *)
    __attribute__((weak));
extern int __interceptor_pthread_sigmask(int, const sigset_t *, sigset_t *)
    __attribute__((weak));
extern int __interceptor_sigaction(int, const struct sigaction *,
                                   struct sigaction *) __attribute__((weak));
extern sighandler_t __interceptor_signal(int, sighandler_t)
    __attribute__((weak));
extern void __interceptor__exit(int) __attribute__((weak));
extern int __sigaction(int, const struct sigaction *, struct sigaction *)
    __attribute__((weak));

/* The kernel's set is the first 8 bytes of libc's. Besides what comes for us,
 * the two signals that libc keeps for itself. */
static uint64_t without_traps(const sigset_t *set) {
  uint64_t bits = *(const uint64_t *)(const void *)set;
  return bits & ~(3ull << 31 | __hwckpt_never_blocked());
}

static int change_mask(int how, const sigset_t *set, sigset_t *before) {
  uint64_t bits = 0, was = 0;
  if (set)
    bits = how == SIG_UNBLOCK ? *(const uint64_t *)(const void *)set
                              : without_traps(set);
  long result = SYS(rt_sigprocmask, how, set ? &bits : 0, &was, 8);
  if (result == 0 && before) {
    sigemptyset(before);
    *(uint64_t *)(void *)before = was;
  }
  return (int)result;
}

const sigset_t *interpose_set(const sigset_t *set, sigset_t *copy) {
  if (!set)
    return set;
  /* Of a set the kernel's part may be all there is. */
  sigemptyset(copy);
  *(uint64_t *)(void *)copy = without_traps(set);
  return copy;
}

static const sigset_t *stripped(int how, const sigset_t *set, sigset_t *copy) {
  return how == SIG_UNBLOCK ? set : interpose_set(set, copy);
}

WEAK int sigprocmask(int how, const sigset_t *set, sigset_t *before) {
  sigset_t copy;
  if (__interceptor_sigprocmask)
    return __interceptor_sigprocmask(how, stripped(how, set, &copy), before);
  int result = change_mask(how, set, before);
  if (result == 0)
    return 0;
  errno = -result;
  return -1;
}

WEAK int pthread_sigmask(int how, const sigset_t *set, sigset_t *before) {
  sigset_t copy;
  if (__interceptor_pthread_sigmask)
    return __interceptor_pthread_sigmask(how, stripped(how, set, &copy),
                                         before);
  return -change_mask(how, set, before);
}

/* The three traps' handlers are the runtime's; what the program wants done at
 * them is kept there. */
static bool change_trap_action(int number, const struct sigaction *action,
                               struct sigaction *before) {
  struct sigaction_raw wanted = {0}, was;
  if (action) {
    wanted.handler = (uint64_t)action->sa_handler;
    wanted.flags = (uint64_t)(unsigned)action->sa_flags;
    wanted.mask = *(const uint64_t *)(const void *)&action->sa_mask;
  }
  if (!__hwckpt_trap_action(number, action ? &wanted : NULL, &was))
    return false;
  if (before) {
    memset(before, 0, sizeof *before);
    before->sa_handler = (sighandler_t)was.handler;
    before->sa_flags = (int)(was.flags & 0xffffffffu & ~KERNEL_SA_RESTORER);
    *(uint64_t *)(void *)&before->sa_mask = was.mask;
  }
  return true;
}

/* One that is more than to ignore, or the default. */
static bool begin_handler(int number, sighandler_t handler, uint64_t *mask) {
  return handler != SIG_DFL && handler != SIG_IGN && handler != SIG_ERR &&
         __hwckpt_handler_comes(number, mask);
}

WEAK int sigaction(int number, const struct sigaction *action,
                   struct sigaction *before) {
  struct sigaction copy;
  if (change_trap_action(number, action, before))
    return 0;
  if (action) {
    copy = *action;
    stripped(SIG_BLOCK, &action->sa_mask, &copy.sa_mask);
    action = &copy;
  }
  /* What is ours where the program has none is told as the default. */
  uint64_t mask;
  bool told = action && begin_handler(number, action->sa_handler, &mask);
  int result = __interceptor_sigaction
                   ? __interceptor_sigaction(number, action, before)
                   : __sigaction(number, action, before);
  if (result == 0 && before &&
      __hwckpt_is_request((uint64_t)before->sa_handler))
    *before = (struct sigaction){.sa_handler = SIG_DFL};
  if (told)
    __hwckpt_handler_came(mask);
  return result;
}

WEAK sighandler_t signal(int number, sighandler_t handler) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  struct sigaction before;
  if (handler != SIG_ERR && change_trap_action(number, &action, &before))
    return before.sa_handler;
  uint64_t mask;
  bool told = begin_handler(number, handler, &mask);
  sighandler_t was = __interceptor_signal
                         ? __interceptor_signal(number, handler)
                         : ssignal(number, handler);
  if (told)
    __hwckpt_handler_came(mask);
  return __hwckpt_is_request((uint64_t)was) ? SIG_DFL : was;
}

typedef int creates(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                    void *);
extern creates __interceptor_pthread_create __attribute__((weak));
/* As of posix_spawn() in spawn.c. */
extern creates __hwckpt_libc_pthread_create __attribute__((weak));
extern void *dlsym(void *, const char *) __attribute__((weak));

static creates *find_pthread_create(void) {
  if (__interceptor_pthread_create)
    return __interceptor_pthread_create;
  if (__hwckpt_libc_pthread_create)
    return __hwckpt_libc_pthread_create;
  return dlsym ? (creates *)dlsym(RTLD_NEXT, "pthread_create") : NULL;
}

WEAK int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                        void *(*function)(void *), void *argument) {
  static creates *libcs;
  if (!libcs)
    libcs = find_pthread_create();
  int result = libcs ? libcs(thread, attributes, function, argument) : EAGAIN;
  __hwckpt_thread_created();
  return result;
}

WEAK sighandler_t bsd_signal(int number, sighandler_t handler) {
  return signal(number, handler);
}

/* signal() is that under strict standards. */
WEAK sighandler_t __sysv_signal(int number, sighandler_t handler) {
  struct sigaction action = {.sa_handler = handler,
                             .sa_flags = SA_RESETHAND | SA_NODEFER};
  struct sigaction before;
  return sigaction(number, &action, &before) < 0 ? SIG_ERR : before.sa_handler;
}

WEAK sighandler_t sysv_signal(int number, sighandler_t handler) {
  return __sysv_signal(number, handler);
}

/* Told before, for what a stop meanwhile may find, and after. */
WEAK int madvise(void *start, size_t length, int advice) {
  bool sets = (advice >= MADV_DONTFORK && advice <= MADV_KEEPONFORK) ||
              (advice >= MADV_NORMAL && advice <= MADV_SEQUENTIAL);
  bool guards = advice == GUARD_INSTALL || advice == GUARD_REMOVE;
  if (sets)
    __hwckpt_memory_advised(advice);
  long result = SYS(madvise, start, length, advice);
  if (sets)
    __hwckpt_memory_advised(advice);
  if (guards)
    __hwckpt_guards_changed();
  if (result == 0)
    return 0;
  errno = (int)-result;
  return -1;
}

WEAK int inotify_add_watch(int fd, const char *path, uint32_t mask) {
  long result = SYS(inotify_add_watch, fd, path, mask);
  if (result < 0) {
    errno = (int)-result;
    return -1;
  }
  __hwckpt_path_watched(path, mask);
  return (int)result;
}

/* Those that libc leaves to the calling thread; they need no more of it. */
WEAK int setfsuid(uid_t user) {
  __hwckpt_credentials_apart = true;
  return (int)SYS(setfsuid, user);
}

WEAK int setfsgid(gid_t group) {
  __hwckpt_credentials_apart = true;
  return (int)SYS(setfsgid, group);
}

WEAK int capset(void *header, const void *sets) {
  __hwckpt_credentials_apart = true;
  long result = SYS(capset, header, sets);
  if (result == 0)
    return 0;
  errno = (int)-result;
  return -1;
}

WEAK _Noreturn void _exit(int status) {
  __hwckpt_before_end();
  if (__interceptor__exit)
    __interceptor__exit(status);
  for (;;)
    SYS(exit_group, status);
}

WEAK _Noreturn void _Exit(int status) { _exit(status); }

/* For syscall(). */
__attribute__((visibility("hidden"), used)) long
__hwckpt_syscall_rseq(long number, void *area, uint32_t length, int flags,
                      uint32_t signature) {
  (void)number;
  long result = __hwckpt_rseq(area, length, flags, signature);
  if (result >= 0)
    return result;
  errno = (int)-result;
  return -1;
}

__attribute__((visibility("hidden"), used)) _Noreturn void
__hwckpt_syscall_exit(long number, int status) {
  (void)number;
  __hwckpt_before_thread_end(status);
  for (;;)
    SYS(exit, status);
}

/* As libc's; but the runtime is told where it is told all calls
 * (support/calls.h, arch/x86_64/program_calls.c), and where the call is
 * interrupted, the instruction in front tells its number: it is kept in the red
 * zone (arch/x86_64/syscall_number.c). Those that filter calls go to
 * interpose_seccomp.c; rseq() is noted (support/rseq.h); exit() may be the last
 * thread's. */
__asm__(".text\n"
        ".balign 16\n"
        ".weak syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        /* setuid() to capset(), and others in between. */
        "  lea -105(%rdi), %eax\n"
        "  cmp $21, %eax\n"
        "  ja 3f\n"
        "  movb $1, __hwckpt_credentials_apart(%rip)\n"
        "3:\n"
        "  cmp $157, %edi\n" /* prctl(PR_SET_SECCOMP) */
        "  jne 2f\n"
        "  cmp $22, %esi\n"
        "  je __hwckpt_syscall_seccomp\n"
        "2:\n"
        "  cmp $317, %edi\n" /* seccomp() */
        "  je __hwckpt_syscall_seccomp\n"
        "  cmp $334, %edi\n" /* rseq() */
        "  je __hwckpt_syscall_rseq\n"
        "  cmp $60, %edi\n" /* exit(), of a thread */
        "  je __hwckpt_syscall_exit\n"
        "  mov %rdi, -8(%rsp)\n"
        "  mov %rsi, %rdi\n"
        "  mov %rdx, %rsi\n"
        "  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n"
        "  mov %r9, %r8\n"
        "  mov 8(%rsp), %r9\n"
        "  mov -8(%rsp), %rax\n"
        "  cmpb $0, __hwckpt_all_calls_told(%rip)\n"
        "  je __hwckpt_syscall_call\n"
        ".globl __hwckpt_syscall_again, __hwckpt_syscall_check\n"
        ".globl __hwckpt_syscall_call\n"
        ".hidden __hwckpt_syscall_again, __hwckpt_syscall_check\n"
        ".hidden __hwckpt_syscall_call, __hwckpt_all_calls_told\n"
        ".hidden __hwckpt_enter_before_call, __hwckpt_syscall_seccomp\n"
        ".hidden __hwckpt_credentials_apart, __hwckpt_syscall_rseq\n"
        ".hidden __hwckpt_syscall_exit\n"
        "__hwckpt_syscall_again:\n"
        "  lea -128(%rsp), %rsp\n"
        "  .cfi_adjust_cfa_offset 128\n"
        "  call __hwckpt_enter_before_call\n"
        "  lea 128(%rsp), %rsp\n"
        "  .cfi_adjust_cfa_offset -128\n"
        "__hwckpt_syscall_check:\n"
        "  cmp (%rcx), %r11d\n"
        "  jne __hwckpt_syscall_again\n"
        "  mov -8(%rsp), %rax\n"
        "__hwckpt_syscall_call:\n"
        "  syscall\n"
        "  cmp $-4095, %rax\n"
        "  jae 1f\n"
        "  ret\n"
        "1:\n"
        "  push %rbx\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  .cfi_rel_offset rbx, 0\n"
        "  neg %eax\n"
        "  mov %eax, %ebx\n"
        "  call __errno_location@PLT\n"
        "  mov %ebx, (%rax)\n"
        "  mov $-1, %rax\n"
        "  pop %rbx\n"
        "  .cfi_adjust_cfa_offset -8\n"
        "  .cfi_restore rbx\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n");
