/* semaphore_call.c - semtimedop(2), whose result is in memory as soon as the
 * program could be captured with it. */
#include "../arch.h"

extern const char arch_semtimedop_returned[]
    __attribute__((visibility("hidden")));

__asm__(".text\n"
        ".balign 16\n"
        ".globl arch_semtimedop\n"
        ".hidden arch_semtimedop\n"
        ".hidden arch_semtimedop_returned\n"
        ".type arch_semtimedop, @function\n"
        "arch_semtimedop:\n"
        ".cfi_startproc\n"
        "  mov %rcx, %r10\n"
        "  mov $220, %eax\n"
        "  syscall\n"
        ".globl arch_semtimedop_returned\n"
        "arch_semtimedop_returned:\n"
        "  mov %rax, (%r8)\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size arch_semtimedop, . - arch_semtimedop\n");

void arch_context_store_result(ucontext_t *context) {
  const greg_t *registers = context->uc_mcontext.gregs;
  if (registers[REG_RIP] == (greg_t)arch_semtimedop_returned)
    *(long *)registers[REG_R8] = registers[REG_RAX];
}
