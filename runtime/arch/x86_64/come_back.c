/* come_back.c - the entry of hwckpt_thread_save(), which returns once more, and
 * the way back to there. */
#include "../arch.h"

#include <stddef.h>

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

_Noreturn void arch_come_back(const struct arch_registers *registers,
                              int result) {
  __asm__ volatile("  mov 0(%%rdi), %%rbx\n"
                   "  mov 8(%%rdi), %%rbp\n"
                   "  mov 16(%%rdi), %%r12\n"
                   "  mov 24(%%rdi), %%r13\n"
                   "  mov 32(%%rdi), %%r14\n"
                   "  mov 40(%%rdi), %%r15\n"
                   "  ldmxcsr 64(%%rdi)\n"
                   "  fldcw 68(%%rdi)\n"
                   "  mov 48(%%rdi), %%rsp\n"
                   "  cld\n"
                   "  jmp *56(%%rdi)\n"
                   :
                   : "D"(registers), "a"(result)
                   : "memory");
  __builtin_unreachable();
}
