/* program_calls.c - system calls in the program's libc that are told to the
 * runtime before they are made.
 *
 * An instruction `mov $NUMBER, %eax` right in front of `syscall` is five bytes,
 * as is a jump: it becomes one to a stub, which asks arch_before_call() and
 * comes back to the same `syscall` with the number in eax. So the call is made
 * where it always was: unwinding, cancellation and what a stop looks for find
 * the instruction they know, and code that jumps to `syscall` with a number of
 * its own is as it was.
 *
 * The table and the stubs are memory of the program and come back with it.
 * Invariant: what arch_before_call() was told holds when the call is made: a
 * thread that a stop finds between the two begins again at the jump, and one
 * that was in a handler meanwhile sees that *epoch has changed.
 */
#include "../arch.h"
#include "../sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define LOAD 5u /* bytes of mov $NUMBER, %eax, and of the jump */

static struct {
  uint64_t load; /* address of the instruction that was replaced */
  uint64_t check,
      leave; /* in its stub: between those the answer is waited on */
  uint32_t number;
} sites[ARCH_PROGRAM_CALLS];
static unsigned count;
static bool changed; /* the code has been */

/* Which kept its answer in r11 and where it must still be in rcx. All other
 * registers are as the program has them: libc says to its compiler that a
 * system call changes rax, rcx and r11. */
__asm__(".text\n"
        ".balign 16\n"
        ".hidden arch_enter_before_call\n"
        ".globl arch_enter_before_call\n"
        ".type arch_enter_before_call, @function\n"
        "arch_enter_before_call:\n"
        "  push %r9\n"
        "  push %r8\n"
        "  push %r10\n"
        "  push %rdx\n"
        "  push %rsi\n"
        "  push %rdi\n"
        "  push %rax\n"
        "  push %rbp\n"
        "  lea 8(%rsp), %rdi\n"
        "  mov %rsp, %rbp\n"
        "  and $-16, %rsp\n"
        "  call arch_before_call\n"
        "  mov %rbp, %rsp\n"
        "  mov %eax, %r11d\n"
        "  lea arch_call_epoch(%rip), %rcx\n"
        "  pop %rbp\n"
        "  pop %rax\n"
        "  pop %rdi\n"
        "  pop %rsi\n"
        "  pop %rdx\n"
        "  pop %r10\n"
        "  pop %r8\n"
        "  pop %r9\n"
        "  ret\n"
        ".size arch_enter_before_call, . - arch_enter_before_call\n");
void arch_enter_before_call(void);

static uint32_t number_at(const unsigned char *p) {
  return p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16 |
         (uint32_t)p[4] << 24;
}

bool arch_program_calls_find(uint64_t begin, uint64_t end,
                             bool (*wanted)(uint32_t number)) {
  const unsigned char *p = (const unsigned char *)begin;
  const unsigned char *last =
      (const unsigned char *)end - LOAD - ARCH_SYSCALL_LENGTH;
  for (; p <= last; p++) {
    /* Behind a prefix it would be another register that is loaded. */
    if (p[0] != 0xB8 || p[5] != 0x0F || p[6] != 0x05 || !wanted(number_at(p)) ||
        ((uint64_t)p > begin && (p[-1] & 0xF0) == 0x40))
      continue;
    if (count == ARCH_PROGRAM_CALLS)
      return false;
    sites[count].load = (uint64_t)p;
    sites[count++].number = number_at(p);
  }
  return true;
}

void arch_program_calls_drop(void) { count = changed ? count : 0; }

static unsigned char *put(unsigned char *at, const void *bytes, size_t length) {
  memcpy(at, bytes, length);
  return at + length;
}

static unsigned char *put_relative(unsigned char *at, unsigned char opcode,
                                   uint64_t target) {
  *at++ = opcode;
  int32_t distance = (int32_t)(target - ((uint64_t)at + 4));
  return put(at, &distance, sizeof distance);
}

static unsigned char *put_load(unsigned char *at, uint32_t number) {
  *at++ = 0xB8;
  return put(at, &number, sizeof number);
}

/* One stub; behind it the next. */
static unsigned char *put_stub(unsigned char *stub, unsigned i) {
  static const unsigned char down[] = {0x48, 0x8D, 0x64, 0x24, 0x80};
  static const unsigned char up[] = {0x48, 0x8D, 0xA4, 0x24, 0x80, 0, 0, 0};
  static const unsigned char load_target[] = {0x49, 0xBB}; /* movabs, r11 */
  static const unsigned char call[] = {0x41, 0xFF, 0xD3};
  static const unsigned char compare[] = {0x44, 0x3B, 0x19}; /* (%rcx), r11d */
  uint64_t enter = (uint64_t)arch_enter_before_call;
  unsigned char *at = put(stub, down, sizeof down);
  at = put_load(at, sites[i].number);
  at = put(at, load_target, sizeof load_target);
  at = put(at, &enter, sizeof enter);
  at = put(at, call, sizeof call);
  at = put(at, up, sizeof up);
  sites[i].check = (uint64_t)at;
  at = put(at, compare, sizeof compare);
  *at++ = 0x75; /* jne stub */
  *at = (unsigned char)(stub - (at + 1));
  at++;
  at = put_load(at, sites[i].number);
  sites[i].leave = (uint64_t)at;
  at = put_relative(at, 0xE9, sites[i].load + LOAD);
  return (unsigned char *)(((uint64_t)at + 15) & ~15ul);
}

/* Whether a jump reaches from one to the other. */
static bool reaches(uint64_t from, uint64_t to) {
  int64_t distance = (int64_t)(to - from);
  return distance < 0x7fff0000 && distance > -0x7fff0000;
}

long arch_program_calls_change(void *memory) {
  unsigned char *stub = memory;
  if (changed || !count)
    return -ENOENT;
  for (unsigned i = 0; i < count; i++)
    if (!reaches(sites[i].load, (uint64_t)memory))
      return -ERANGE;
  uint64_t begin = sites[0].load & ~4095ul;
  uint64_t end = (sites[count - 1].load + LOAD + 4095) & ~4095ul;
  long result =
      SYS(mprotect, begin, end - begin, PROT_READ | PROT_WRITE | PROT_EXEC);
  if (result < 0)
    return result;
  for (unsigned i = 0; i < count; i++) {
    unsigned char *next = put_stub(stub, i);
    put_relative((unsigned char *)sites[i].load, 0xE9, (uint64_t)stub);
    stub = next;
  }
  changed = true;
  SYS(mprotect, begin, end - begin, PROT_READ | PROT_EXEC);
  return SYS(mprotect, memory, ARCH_PROGRAM_CALLS_STUBS, PROT_READ | PROT_EXEC);
}

bool arch_program_calls_changed(void) { return changed; }

long arch_program_call_number(uint64_t pc) {
  for (unsigned i = 0; changed && i < count; i++)
    if (sites[i].load + LOAD == pc)
      return sites[i].number;
  return -1;
}

void arch_context_restart_call(ucontext_t *context) {
  uint64_t pc = arch_context_pc(context);
  for (unsigned i = 0; changed && i < count; i++)
    if ((pc >= sites[i].check && pc <= sites[i].leave) ||
        (pc == sites[i].load + LOAD &&
         context->uc_mcontext.gregs[REG_RAX] == (long)sites[i].number)) {
      arch_context_set_pc(context, sites[i].load);
      return;
    }
}
