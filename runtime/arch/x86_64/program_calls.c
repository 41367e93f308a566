/* program_calls.c - system calls in the program's libc that are told to the
 * runtime before they are made.
 *
 * An instruction `mov $NUMBER, %eax` right in front of `syscall` is five bytes,
 * as is a jump: it becomes one to a stub, which asks arch_before_call() and
 * comes back to the same `syscall` with the number in eax. `xor %eax, %eax`,
 * which is read(), has two bytes: it becomes a short jump to one of five, in
 * what fills the code up behind the end of a function near by. So the call is
 * made where it always was: unwinding, cancellation and what a stop looks for
 * find the instruction they know, and code that jumps to `syscall` with a
 * number of its own is as it was.
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

#define JUMP 5u /* bytes of mov $NUMBER, %eax, and of the jump */
#define SHORT_JUMP                                                             \
  2u /* of xor %eax, %eax, and of a jump that reaches REACH                    \
      */
#define REACH 120u

static struct {
  uint64_t load; /* address of the instruction that was replaced */
  uint64_t cave; /* 0, or where the jump to the stub is, and at `load` one to
                  * there */
  uint64_t check,
      leave; /* in its stub: between those the answer is waited on */
  uint32_t number;
} sites[ARCH_PROGRAM_CALLS];
static unsigned count;
static unsigned changed; /* so many of them have been */

/* Where the system call is. */
static uint64_t call_of(unsigned i) {
  return sites[i].load + (sites[i].cave ? SHORT_JUMP : JUMP);
}

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

/* ---- room for a jump that has no other place ---- */

/* Bytes of an instruction without effect, as assemblers fill up with; 0: it is
 * none. */
static unsigned filler(const unsigned char *p, const unsigned char *end) {
  const unsigned char *at = p;
  while (at < end && *at == 0x66)
    at++;
  if (at < end && *at == 0x2E)
    at++;
  if (at < end && *at == 0x90)
    return (unsigned)(at + 1 - p);
  if (end - at < 3 || at[0] != 0x0F || at[1] != 0x1F)
    return 0;
  unsigned length = at[2] == 0x00   ? 3
                    : at[2] == 0x40 ? 4
                    : at[2] == 0x44 ? 5
                    : at[2] == 0x80 ? 7
                    : at[2] == 0x84 ? 8
                                    : 0;
  return length && end - at >= length ? (unsigned)(at + length - p) : 0;
}

static bool is_taken(uint64_t begin) {
  for (unsigned i = 0; i < count; i++)
    if (sites[i].cave && begin < sites[i].cave + JUMP &&
        begin + JUMP > sites[i].cave)
      return true;
  return false;
}

/* Behind a return, to where the next function begins; 0: there is none. */
static uint64_t find_cave(const unsigned char *p, const unsigned char *begin,
                          const unsigned char *end) {
  const unsigned char *at = p - begin > REACH ? p - REACH : begin;
  const unsigned char *last = end - p > REACH ? p + REACH : end;
  for (; at < last; at++) {
    const unsigned char *room = at + 1, *behind = room;
    if (*at != 0xC3)
      continue;
    for (unsigned length; behind < last && (length = filler(behind, last));)
      behind += length;
    if ((uint64_t)behind % 16)
      continue;
    for (; room + JUMP <= behind; room += JUMP)
      if (!is_taken((uint64_t)room))
        return (uint64_t)room;
  }
  return 0;
}

static bool is_load_of_0(const unsigned char *p) {
  return p[0] == 0x31 && p[1] == 0xC0 && p[2] == 0x0F && p[3] == 0x05;
}

bool arch_program_calls_find(uint64_t begin, uint64_t end,
                             bool (*wanted)(uint32_t number)) {
  const unsigned char *p = (const unsigned char *)begin;
  const unsigned char *last =
      (const unsigned char *)end - JUMP - ARCH_SYSCALL_LENGTH;
  for (; p <= last; p++) {
    bool of_0 = is_load_of_0(p);
    /* Behind a prefix it would be another register that is loaded. */
    if (!(of_0 ? wanted(0)
               : p[0] == 0xB8 && p[5] == 0x0F && p[6] == 0x05 &&
                     wanted(number_at(p))) ||
        ((uint64_t)p > begin && (p[-1] & 0xF0) == 0x40))
      continue;
    if (count == ARCH_PROGRAM_CALLS)
      return false;
    uint64_t cave = of_0 ? find_cave(p, (const unsigned char *)begin,
                                     (const unsigned char *)end)
                         : 0;
    if (of_0 && !cave)
      return false;
    sites[count].load = (uint64_t)p;
    sites[count].cave = cave;
    sites[count++].number = of_0 ? 0 : number_at(p);
  }
  return true;
}

void arch_program_calls_drop(void) { count = changed; }

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
  at = put_relative(at, 0xE9, call_of(i));
  return (unsigned char *)(((uint64_t)at + 15) & ~15ul);
}

/* Whether a jump reaches from one to the other. */
static bool reaches(uint64_t from, uint64_t to) {
  int64_t distance = (int64_t)(to - from);
  return distance < 0x7fff0000 && distance > -0x7fff0000;
}

static void put_jump(unsigned i, uint64_t stub) {
  unsigned char *load = (unsigned char *)sites[i].load;
  if (!sites[i].cave) {
    put_relative(load, 0xE9, stub);
    return;
  }
  put_relative((unsigned char *)sites[i].cave, 0xE9, stub);
  load[0] = 0xEB;
  load[1] = (unsigned char)(sites[i].cave - call_of(i));
}

/* [*begin, *end), of whole pages, to hold a jump there. */
static void extend(uint64_t jump, uint64_t *begin, uint64_t *end) {
  uint64_t first = jump & ~4095ul, last = (jump + JUMP + 4095) & ~4095ul;
  *begin = first < *begin ? first : *begin;
  *end = last > *end ? last : *end;
}

long arch_program_calls_change(void *memory) {
  unsigned char *stub = memory;
  if (changed == count)
    return -ENOENT;
  for (unsigned i = changed; i < count; i++)
    if (!reaches(sites[i].load, (uint64_t)memory))
      return -ERANGE;
  uint64_t begin = UINT64_MAX, end = 0;
  for (unsigned i = changed; i < count; i++) {
    extend(sites[i].load, &begin, &end);
    if (sites[i].cave)
      extend(sites[i].cave, &begin, &end);
  }
  long result =
      SYS(mprotect, begin, end - begin, PROT_READ | PROT_WRITE | PROT_EXEC);
  if (result < 0)
    return result;
  for (unsigned i = changed; i < count; i++) {
    unsigned char *next = put_stub(stub, i);
    put_jump(i, (uint64_t)stub);
    stub = next;
  }
  changed = count;
  SYS(mprotect, begin, end - begin, PROT_READ | PROT_EXEC);
  return SYS(mprotect, memory, ARCH_PROGRAM_CALLS_STUBS, PROT_READ | PROT_EXEC);
}

bool arch_program_calls_changed(void) { return changed != 0; }

long arch_program_call_number(uint64_t pc) {
  for (unsigned i = 0; i < changed; i++)
    if (call_of(i) == pc)
      return sites[i].number;
  return -1;
}

void arch_context_restart_call(ucontext_t *context) {
  uint64_t pc = arch_context_pc(context);
  for (unsigned i = 0; i < changed; i++)
    if ((pc >= sites[i].check && pc <= sites[i].leave) ||
        (pc == call_of(i) &&
         context->uc_mcontext.gregs[REG_RAX] == (long)sites[i].number)) {
      arch_context_set_pc(context, sites[i].load);
      return;
    }
}
