/* continued.c - the instructions at which a thread continues a system call that
 * a stop cut short, before it goes back behind the program's own.
 *
 * All state is in the struct that rbx points to: the stack stays the program's,
 * and a signal of the program's or a checkpoint may come at every instruction.
 * Unwinding from here finds the program's system call.
 */
#include "../arch.h"

#include <stddef.h>

_Static_assert(offsetof(struct arch_continued, waits) == 4 &&
                   offsetof(struct arch_continued, done) == 8 &&
                   offsetof(struct arch_continued, pc) == 16 &&
                   offsetof(struct arch_continued, kept) == 24 &&
                   offsetof(struct arch_continued, number) == 32 &&
                   offsetof(struct arch_continued, arguments) == 40 &&
                   offsetof(struct arch_continued, result) == 88,
               "the code below knows the layout");

/* The kernel leaves the flags in r11. Below the red zone they may be pushed.
 * CFI: the caller's stack pointer is ours, its pc is in the struct. */
__asm__(".text\n"
        ".balign 16\n"
        ".hidden arch_continued_call\n"
        ".globl arch_continued_call\n"
        ".type arch_continued_call, @function\n"
        "arch_continued_call:\n"
        ".cfi_startproc simple\n"
        ".cfi_signal_frame\n"
        ".cfi_def_cfa rsp, 0\n"
        ".cfi_escape 0x10, 0x10, 0x02, 0x73, 0x10\n" /* rip at rbx + 16 */
        ".cfi_escape 0x10, 0x03, 0x02, 0x73, 0x18\n" /* rbx at rbx + 24 */
        "  nop\n"
        "1:\n"
        "  syscall\n"
        "  lea -128(%rsp), %rsp\n"
        "  .cfi_adjust_cfa_offset 128\n"
        "  push %r11\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  mov 16(%rbx), %rcx\n"
        "  cmpl $0, 4(%rbx)\n"
        "  jne 3f\n"
        "  test %rax, %rax\n" /* an error comes after what has been done */
        "  jns 2f\n"
        "  xor %eax, %eax\n"
        "2:\n"
        "  add 8(%rbx), %rax\n"
        "  jmp 5f\n"
        "3:\n"
        "  cmpl $1, 4(%rbx)\n"
        "  jne 5f\n"
        "  test %rax, %rax\n"
        "  js 5f\n"
        "  jnz 4f\n"
        "  mov 88(%rbx), %rax\n" /* the time is over */
        "  jmp 5f\n"
        "4:\n" /* ready: the program's own call is made */
        "  mov 32(%rbx), %rax\n"
        "  sub $2, %rcx\n"
        "5:\n"
        "  mov 40(%rbx), %rdi\n"
        "  mov 48(%rbx), %rsi\n"
        "  mov 56(%rbx), %rdx\n"
        "  mov 64(%rbx), %r10\n"
        "  mov 72(%rbx), %r8\n"
        "  mov 80(%rbx), %r9\n"
        "  popfq\n"
        "  .cfi_adjust_cfa_offset -8\n"
        "  lea 128(%rsp), %rsp\n"
        "  .cfi_adjust_cfa_offset -128\n"
        "  mov 24(%rbx), %r11\n"
        "  movl $0, (%rbx)\n"
        ".cfi_register rip, rcx\n"
        ".cfi_register rbx, r11\n"
        "  mov %r11, %rbx\n"
        "  jmp *%rcx\n"
        ".cfi_endproc\n"
        ".size arch_continued_call, . - arch_continued_call\n");

extern const char arch_continued_call[] __attribute__((visibility("hidden")));

/* Behind its first instruction, so that an unwinder finds the function. */
static uint64_t call_instruction(void) {
  return (uint64_t)arch_continued_call + 1;
}

struct arch_continued *arch_context_continued(const ucontext_t *context) {
  return arch_context_pc(context) == call_instruction() + ARCH_SYSCALL_LENGTH
             ? (struct arch_continued *)context->uc_mcontext.gregs[REG_RBX]
             : 0;
}

bool arch_context_continues(const ucontext_t *context) {
  return arch_context_pc(context) == call_instruction();
}

void arch_context_continue(ucontext_t *context, struct arch_continued *call,
                           long number) {
  call->pc = arch_context_pc(context);
  call->kept = (uint64_t)context->uc_mcontext.gregs[REG_RBX];
  call->number = (uint64_t)number;
  for (unsigned i = 0; i < 6; i++)
    call->arguments[i] = arch_context_argument(context, i);
  context->uc_mcontext.gregs[REG_RBX] = (greg_t)call;
  arch_context_set_pc(context, call_instruction() + ARCH_SYSCALL_LENGTH);
}
