/* traced.c - see traced.h. A handler has its ucontext_t as the third argument,
 * in rdx. */
#include "../traced.h"

#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/user.h>

uint64_t traced_mask_behind_handler(pid_t tid) {
  struct user_regs_struct registers;
  return ptrace(PTRACE_GETREGS, tid, NULL, &registers)
             ? 0
             : registers.rdx + offsetof(ucontext_t, uc_sigmask);
}

bool traced_returns_from_handler(pid_t tid) {
  struct user_regs_struct registers;
  return !ptrace(PTRACE_GETREGS, tid, NULL, &registers) &&
         registers.orig_rax == SYS_rt_sigreturn;
}
