// An operation changes the registers that docs/isa.md says, and no other: by
// each hook, when it is taken and when the program comes back to it by a
// rollback and by a restore, and when a load fails; the flags are those of then
// but for the system call's own, vector registers too.
// RUN: %behaviour %s -o %t
// RUN: for hook in trap interrupt syscall; do %hwckpt run --name $hook-roll -- %t $hook roll || exit 1; done
// RUN: for hook in trap interrupt syscall; do bash %S/../tools/Inputs/status 137 %hwckpt run --name $hook-die -- %t $hook die && %hwckpt restore $hook-die || exit 1; done
#include "behaviour.h"

#define INSTRUCTION(byte1, operation, entry)                                   \
  ".byte 0x0f, " byte1 ", 0x84, 0x00\n\t.long 0x48570000 | " operation         \
  " << 8 | " entry "\n\t"
#define TRAP(operation) INSTRUCTION("0xb9", operation, "2")
#define INTERRUPT(operation) "int3\n\t" INSTRUCTION("0x1f", operation, "2")
#define SYSTEM_CALL(operation)                                                 \
  "movl $0x04857000 + " operation ", %eax\n\tsyscall\n\tcmpl $-38, %eax\n\t"   \
  "jne 1f\n\t" INSTRUCTION("0xb9", operation, "0x80") "1:"

/* In the order of the pushes below, the last first. */
struct registers {
  unsigned long flags, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx,
      rcx, rbx, rax;
};

/* What the function `name` leaves of a number in each register, and flags. */
#define ENTERS(name, code)                                                     \
  __asm__(".text\n" #name ":\n\t"                                              \
          "pushq %rbx\n\tpushq %rbp\n\tpushq %r12\n\tpushq %r13\n\t"           \
          "pushq %r14\n\tpushq %r15\n\tpushq %rdi\n\t"                         \
          "movl $1, %eax\n\tmovl $2, %ebx\n\tmovl $3, %ecx\n\t"                \
          "movl $4, %edx\n\tmovl $5, %esi\n\tmovl $6, %edi\n\t"                \
          "movl $7, %ebp\n\tmovl $8, %r8d\n\tmovl $9, %r9d\n\t"                \
          "movl $10, %r10d\n\tmovl $11, %r11d\n\tmovl $12, %r12d\n\t"          \
          "movl $13, %r13d\n\tmovl $14, %r14d\n\tmovl $15, %r15d\n\t"          \
          "movq %r15, %xmm0\n\tmovq %r14, %xmm15\n\t"                          \
          "pushq $0x8d7\n\tpopfq\n\t" code "\n\t" /* all of them but IF, DF */ \
          "pushq %rax\n\tpushq %rbx\n\tpushq %rcx\n\tpushq %rdx\n\t"           \
          "pushq %rsi\n\tpushq %rdi\n\tpushq %rbp\n\tpushq %r8\n\t"            \
          "pushq %r9\n\tpushq %r10\n\tpushq %r11\n\tpushq %r12\n\t"            \
          "pushq %r13\n\tpushq %r14\n\tpushq %r15\n\tpushfq\n\t"               \
          "movq 128(%rsp), %rdi\n\tmovl $16, %ecx\n\tmovq %rsp, %rsi\n\t"      \
          "cld\n\trep movsq\n\tmovq %xmm0, (%rdi)\n\tmovq %xmm15, 8(%rdi)\n\t" \
          "addq $128, %rsp\n\tpopq %rdi\n\tpopq %r15\n\tpopq %r14\n\t"         \
          "popq %r13\n\tpopq %r12\n\tpopq %rbp\n\tpopq %rbx\n\tretq\n");       \
  void name(struct registers *left)

struct left {
  struct registers registers;
  unsigned long xmm0, xmm15;
};

ENTERS(trap_poll, TRAP("0"));
ENTERS(trap_save, TRAP("1"));
ENTERS(trap_load, TRAP("2"));
ENTERS(trap_none, TRAP("3"));
ENTERS(interrupt_poll, INTERRUPT("0"));
ENTERS(interrupt_save, INTERRUPT("1"));
ENTERS(interrupt_load, INTERRUPT("2"));
ENTERS(interrupt_none, INTERRUPT("3"));
ENTERS(syscall_poll, SYSTEM_CALL("0"));
ENTERS(syscall_save, SYSTEM_CALL("1"));
ENTERS(syscall_load, SYSTEM_CALL("2"));
ENTERS(syscall_none, SYSTEM_CALL("3"));

static const struct hook {
  const char *name;
  void (*poll)(struct registers *), (*save)(struct registers *),
      (*load)(struct registers *), (*none)(struct registers *);
} hooks[] = {
    {"trap", trap_poll, trap_save, trap_load, trap_none},
    {"interrupt", interrupt_poll, interrupt_save, interrupt_load,
     interrupt_none},
    {"syscall", syscall_poll, syscall_save, syscall_load, syscall_none},
};

#define FLAGS 0x8d5ul // CF, PF, AF, ZF, SF, OF

/* What it leaves in eax; the rest is as it was. */
static int enter(const struct hook *hook,
                 void (*operation)(struct registers *)) {
  struct left left;
  operation(&left.registers);
  const struct registers *r = &left.registers;
  CHECK_EQUAL(r->rbx, 2);
  CHECK_EQUAL(r->rdx, 4);
  CHECK_EQUAL(r->rsi, 5);
  CHECK_EQUAL(r->rdi, 6);
  CHECK_EQUAL(r->rbp, 7);
  CHECK_EQUAL(r->r8, 8);
  CHECK_EQUAL(r->r9, 9);
  CHECK_EQUAL(r->r10, 10);
  CHECK_EQUAL(r->r12, 12);
  CHECK_EQUAL(r->r13, 13);
  CHECK_EQUAL(r->r14, 14);
  CHECK_EQUAL(r->r15, 15);
  CHECK_EQUAL(left.xmm0, 15);
  CHECK_EQUAL(left.xmm15, 14);
  if (hook == &hooks[2])
    return (int)r->rax;
  CHECK_EQUAL(r->rcx, 3);
  CHECK_EQUAL(r->r11, 11);
  CHECK_EQUAL(r->flags & FLAGS, FLAGS);
  return (int)r->rax;
}

int main(int argc, char **argv) {
  const struct hook *hook = hooks;
  CHECK_EQUAL(argc, 3);
  while (strcmp(hook->name, argv[1]))
    hook++;
  // The system call's own result is 0.
  int unchanged = hook != &hooks[2];
  for (int i = 0; i < 2; i++) { // the filter is there the second time
    CHECK_EQUAL(enter(hook, hook->poll), unchanged);
    CHECK_EQUAL(enter(hook, hook->none), unchanged);
    CHECK_EQUAL(enter(hook, hook->load), -ENOENT); // there is none yet
  }
  int times = enter(hook, hook->save);
  if (times == 0 && !strcmp(argv[2], "die"))
    die();
  if (times == 0)
    roll_back();
  CHECK_EQUAL(times, 1);
  return 0;
}
