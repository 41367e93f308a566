/* enter.c - the ways into the runtime: catching the system calls, and entering
 * for nothing, so that the ways can be compared. */
#include "../../../intrinsics/hwckpt_isa.h"
#include "../arch.h"
#include "../sys.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

/* Source: seccomp(2), struct seccomp_data. */
#define AT_NUMBER 0
#define AT_ARCHITECTURE 4

long arch_catch_syscalls(void) {
  static const struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_NUMBER),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, HWCKPT_SYSCALL(0), 0, 4),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, HWCKPT_SYSCALL(HWCKPT_OP_NONE), 3, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_ARCHITECTURE),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0],
                               (struct sock_filter *)(uintptr_t)filter};
  long result = SYS(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                    &program);
  if (result != -EACCES)
    return result;
  SYS(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return SYS(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
             &program);
}

#define IMMEDIATE HWCKPT_IMM(HWCKPT_OP_NONE, HWCKPT_KIND_ANNOTATED)
#define OPERANDS(byte1)                                                        \
  [b0] "i"(HWCKPT_INSN_BYTE0), [b1] "i"(byte1),                                \
      [modrm] "i"(HWCKPT_INSN_MODRM), [sib] "i"(HWCKPT_INSN_SIB),              \
      [imm] "i"(IMMEDIATE)
#define INSTRUCTION                                                            \
  ".byte %c[b0], %c[b1], %c[modrm], %c[sib]\n\t"                               \
  ".long %c[imm]"

void arch_enter(int entry) {
  switch (entry) {
  case HWCKPT_ENTER_TRAP:
    __asm__ volatile(INSTRUCTION : : OPERANDS(HWCKPT_INSN_TRAP) : "memory");
    break;
  case HWCKPT_ENTER_SYSCALL:
    arch_syscall6(HWCKPT_SYSCALL(HWCKPT_OP_NONE), 0, 0, 0, 0, 0, 0);
    break;
  case HWCKPT_ENTER_INTERRUPT:
    __asm__ volatile("int3\n\t" INSTRUCTION
                     :
                     : OPERANDS(HWCKPT_INSN_NOP)
                     : "memory");
    break;
  }
}
