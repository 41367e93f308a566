/* come_back.c - the entry of hwckpt_thread_save(), which returns once more, and
 * the way back to there. */
#include "../arch.h"

#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>

#define OFFSET(field, value)                                                   \
  _Static_assert(offsetof(struct arch_registers, field) == (value), #field)
OFFSET(kept, 0);
OFFSET(sp, 48);
OFFSET(pc, 56);
OFFSET(mxcsr, 64);
OFFSET(x87, 68);
_Static_assert(sizeof(struct arch_registers) == 72, "room in the frame");

/* What a call keeps is all there is to keep; the frame is the caller's as it is
 * behind the call. The structure is passed on, and 16 bytes more keep the stack
 * aligned. */
__asm__(".text\n"
        ".balign 16\n"
        ".globl hwckpt_thread_save\n"
        ".type hwckpt_thread_save, @function\n"
        "hwckpt_thread_save:\n"
        ".cfi_startproc\n"
        "  sub $88, %rsp\n"
        "  .cfi_adjust_cfa_offset 88\n"
        "  mov %rbx, 0(%rsp)\n"
        "  mov %rbp, 8(%rsp)\n"
        "  mov %r12, 16(%rsp)\n"
        "  mov %r13, 24(%rsp)\n"
        "  mov %r14, 32(%rsp)\n"
        "  mov %r15, 40(%rsp)\n"
        "  lea 96(%rsp), %rax\n"
        "  mov %rax, 48(%rsp)\n"
        "  mov 88(%rsp), %rax\n"
        "  mov %rax, 56(%rsp)\n"
        "  stmxcsr 64(%rsp)\n"
        "  fnstcw 68(%rsp)\n"
        "  mov %rsp, %rsi\n"
        "  call arch_thread_saved\n"
        "  add $88, %rsp\n"
        "  .cfi_adjust_cfa_offset -88\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size hwckpt_thread_save, . - hwckpt_thread_save\n");

/* The mask is put back where the stack is, for what is pending comes then; a
 * handler may save the thread anew, so nothing is read after it. */
_Noreturn void arch_come_back(const struct arch_registers *registers,
                              const uint64_t *mask, int result) {
  register const uint64_t *set __asm__("rsi") = mask;
  register const struct arch_registers *from __asm__("r8") = registers;
  register uint64_t again __asm__("r9") = (uint64_t)result;
  __asm__ volatile("  mov 0(%%r8), %%rbx\n"
                   "  mov 8(%%r8), %%rbp\n"
                   "  mov 16(%%r8), %%r12\n"
                   "  mov 24(%%r8), %%r13\n"
                   "  mov 32(%%r8), %%r14\n"
                   "  mov 40(%%r8), %%r15\n"
                   "  ldmxcsr 64(%%r8)\n"
                   "  fninit\n"
                   "  fldcw 68(%%r8)\n"
                   "  mov 48(%%r8), %%rsp\n"
                   "  mov 56(%%r8), %%r8\n"
                   "  mov $8, %%r10d\n"
                   "  syscall\n"
                   "  mov %%r9, %%rax\n"
                   "  cld\n"
                   "  jmp *%%r8\n"
                   :
                   : "a"(SYS_rt_sigprocmask), "D"(SIG_SETMASK), "r"(set),
                     "d"(0), "r"(from), "r"(again)
                   : "memory");
  __builtin_unreachable();
}
