/* program_calls.c - system calls in the program's libc that are told to the
 * runtime before they are made.
 *
 * An instruction `mov $NUMBER, %eax` in front of `syscall` is five bytes, as is
 * a jump: it becomes one to a stub, which asks arch_before_call() and comes
 * back to the same `syscall` with the number in eax. Between the two there may
 * be loads of arguments, which the stub does in their place; or one is moved
 * and its register then set, which the stub does once. `xor %eax, %eax`, which
 * is read(), has two bytes: it becomes a short jump to one of five, in what
 * fills the code up behind the end of a function near by. So the call is made
 * where it always was: unwinding, cancellation and what a stop looks for find
 * the instruction they know, and code that jumps to `syscall` with a number of
 * its own is as it was. Where the number is not in front of it, and all calls
 * are wanted, `syscall` and the comparison behind it are replaced: the stub has
 * the two, and makes the call itself.
 *
 * The table and the stubs are memory of the program and come back with it.
 * Invariant: what arch_before_call() was told holds when the call is made: a
 * thread that a stop finds between the two begins again at the jump, and one
 * that was in a handler meanwhile sees that *epoch has changed.
 */
#include "../arch.h"
#include "../sys.h"

#include <emmintrin.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define JUMP 5u       /* bytes of mov $NUMBER, %eax, and of the jump */
#define SHORT_JUMP 2u /* of xor %eax, %eax, and of one that reaches REACH */
#define REACH 120u
#define MIDDLE 20u /* bytes of loads in between that are looked at */

static struct site {
  uint64_t load; /* address of the instruction that was replaced */
  uint64_t call; /* of the system call instruction, which may be in the stub */
  uint64_t cave; /* 0, or where the jump to the stub is, and at `load` one to
                  * there */
  uint64_t check,
      leave;       /* in its stub: between those the answer is waited on */
  uint64_t again;  /* from where all is done again; 0: arguments are moved, it
                    * will be in the stub */
  uint64_t area;   /* of the code that it is in: where that begins */
  uint32_t number; /* ARCH_CALL_ANY: what is in eax */
} sites[ARCH_PROGRAM_CALLS];
static unsigned count;
static unsigned changed; /* so many of them have been */

/* Which kept its answer in r11 and where it must still be in rcx. All other
 * registers are as the program has them, or as arch_before_call() wants them:
 * libc says to its compiler that a system call changes rax, rcx and r11. */
__asm__(".text\n"
        ".balign 16\n"
        ".hidden __hwckpt_enter_before_call\n"
        ".globl __hwckpt_enter_before_call\n"
        ".type __hwckpt_enter_before_call, @function\n"
        "__hwckpt_enter_before_call:\n"
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
        ".size __hwckpt_enter_before_call, . - __hwckpt_enter_before_call\n");
void __hwckpt_enter_before_call(void);

static bool is_syscall(const unsigned char *p) {
  return p[0] == 0x0F && p[1] == 0x05;
}

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

/* ---- the places ---- */

/* Length of a load of an argument that may be done in another place, and twice:
 * from the stack, or of an address (which the stub has to know); else 0. */
static unsigned argument_load(const unsigned char *p) {
  bool wide = p[0] == 0x48 || p[0] == 0x4C || p[0] == 0x44;
  const unsigned char *op = p + wide;
  if (op[0] == 0x8B && (op[1] & 0xC7) == 0x44 && op[2] == 0x24 &&
      (op[1] & 0x38 || p[0] & 4)) /* mov n(%rsp), not to eax */
    return 4u + wide;
  if (op[0] == 0x8B && (op[1] & 0xC7) == 0x04 && op[2] == 0x24 &&
      (op[1] & 0x38 || p[0] & 4)) /* mov (%rsp) */
    return 3u + wide;
  return p[0] == 0x48 && p[1] == 0x8D && p[2] == 0x35 ? 7 : 0; /* lea, rsi */
}

/* Whether loads alone lead from p to a system call; their length. */
static bool leads_to_call(const unsigned char *p, unsigned *length) {
  unsigned one;
  for (*length = 0; *length < MIDDLE && !is_syscall(p + *length);
       *length += one) {
    one = argument_load(p + *length);
    if (!one)
      return false;
  }
  return *length < MIDDLE;
}

/* mov from one register to another, but eax; its length, else 0. */
static unsigned argument_move(const unsigned char *p) {
  unsigned from = p[2] >> 3 & 7, to = p[2] & 7;
  return p[0] == 0x48 && p[1] == 0x89 && p[2] >= 0xC0 && from && to &&
                 from != to
             ? 3
             : 0;
}

/* mov of a number to edi, or xor of a register but eax with itself. */
static unsigned argument_set(const unsigned char *p) {
  if (p[0] == 0xBF)
    return JUMP;
  return p[0] == 0x31 && p[1] > 0xC0 && (p[1] >> 3 & 7) == (p[1] & 7) ? 2 : 0;
}

/* Whether p moves an argument and sets another, and makes the call: that may
 * be done twice as long as both are not done. */
static bool moves_to_call(const unsigned char *p, unsigned *length) {
  *length = argument_move(p);
  unsigned set = *length ? argument_set(p + *length) : 0;
  *length += set;
  return set && is_syscall(p + *length);
}

/* cmp $-4096 or $-4095 with rax or eax; its length, else 0. */
static unsigned comparison(const unsigned char *p) {
  unsigned wide = p[0] == 0x48;
  p += wide;
  return p[0] == 0x3D && p[1] <= 1 && p[2] == 0xF0 && p[3] == 0xFF &&
                 p[4] == 0xFF
             ? 5 + wide
             : 0;
}

static bool is_load_of_0(const unsigned char *p) {
  return p[0] == 0x31 && p[1] == 0xC0 && p[2] == 0x0F && p[3] == 0x05;
}

/* Behind a prefix it would be another register that is loaded. */
static bool is_prefixed(uint64_t begin, const unsigned char *p) {
  return (uint64_t)p > begin && (p[-1] & 0xF0) == 0x40;
}

/* The place that begins at p, if it is one. */
static bool recognise(uint64_t begin, const unsigned char *p,
                      bool (*wanted)(uint32_t number), struct site *site) {
  unsigned length;
  site->load = site->again = (uint64_t)p;
  if (p[0] == 0xB8 && !is_prefixed(begin, p) &&
      (leads_to_call(p + JUMP, &length) || moves_to_call(p + JUMP, &length))) {
    if (argument_move(p + JUMP))
      site->again = 0;
    site->number = number_at(p);
    site->call = site->load + JUMP + length;
    return wanted(site->number);
  }
  if (is_load_of_0(p) && !is_prefixed(begin, p)) {
    site->number = 0;
    site->call = site->load + SHORT_JUMP;
    return wanted(0);
  }
  site->number = ARCH_CALL_ANY;
  site->call = site->load;
  return is_syscall(p) && comparison(p + ARCH_SYSCALL_LENGTH) &&
         wanted(ARCH_CALL_ANY);
}

/* Whether the system call there is one whose number is known. */
static bool is_known(const unsigned char *p, bool (*wanted)(uint32_t number)) {
  for (unsigned i = 0; i < count; i++)
    if (sites[i].call == (uint64_t)p)
      return true;
  return p[-5] == 0xB8 && number_at(p - 5) < 1024 && !wanted(number_at(p - 5));
}

/* Where the next system call is from p on, or something that looks like one;
 * end: there is none. */
static const unsigned char *next_call(const unsigned char *p,
                                      const unsigned char *end) {
  const __m128i first = _mm_set1_epi8(0x0F), second = _mm_set1_epi8(0x05);
  for (; end - p > 16; p += 16) {
    __m128i here = _mm_loadu_si128((const __m128i *)p);
    __m128i behind = _mm_loadu_si128((const __m128i *)(p + 1));
    int found = _mm_movemask_epi8(_mm_and_si128(
        _mm_cmpeq_epi8(here, first), _mm_cmpeq_epi8(behind, second)));
    if (found)
      return p + __builtin_ctz((unsigned)found);
  }
  while (end - p >= 2 && !is_syscall(p))
    p++;
  return end - p >= 2 ? p : end;
}

bool arch_program_calls_find(uint64_t begin, uint64_t end,
                             bool (*wanted)(uint32_t number)) {
  const unsigned char *first = (const unsigned char *)begin;
  const unsigned char *last = (const unsigned char *)end - (JUMP + 2 * MIDDLE);
  const unsigned char *call = first;
  for (const unsigned char *p = first; p <= last; p++) {
    struct site site = {0};
    /* A place ends with its call. */
    if (p > call || p == first)
      call = next_call(p, (const unsigned char *)end);
    if (call - p >= JUMP + MIDDLE)
      p = call - (JUMP + MIDDLE - 1) < last ? call - (JUMP + MIDDLE - 1) : last;
    if (!recognise(begin, p, wanted, &site) ||
        (site.number == ARCH_CALL_ANY &&
         (p - first < (long)JUMP || is_known(p, wanted))))
      continue;
    if (count == ARCH_PROGRAM_CALLS)
      return false;
    if (site.number == 0) {
      site.cave = find_cave(p, first, (const unsigned char *)end);
      if (!site.cave)
        return false;
    }
    site.area = begin;
    sites[count++] = site;
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

/* The loads in [from, to), that of an address by its value. */
static unsigned char *put_loads(unsigned char *at, const unsigned char *from,
                                const unsigned char *to) {
  static const unsigned char load_rsi[] = {0x48, 0xBE};
  while (from < to) {
    unsigned length = argument_load(from);
    if (from[1] != 0x8D) {
      at = put(at, from, length);
    } else {
      int32_t distance;
      memcpy(&distance, from + 3, sizeof distance);
      uint64_t address = (uint64_t)from + length + (uint64_t)(int64_t)distance;
      at = put(at, load_rsi, sizeof load_rsi);
      at = put(at, &address, sizeof address);
    }
    from += length;
  }
  return at;
}

/* What the program does before the call. */
static unsigned char *put_before(unsigned char *at, struct site *site) {
  const unsigned char *load = (const unsigned char *)site->load;
  if (site->number == ARCH_CALL_ANY)
    return at;
  if (!site->again) {
    at = put(at, load + JUMP, site->call - site->load - JUMP);
    site->again = (uint64_t)at;
  } else if (!site->cave) {
    at = put_loads(at, load + JUMP, (const unsigned char *)site->call);
  }
  return put_load(at, site->number);
}

/* Goes on where the stub was entered: to the call, or having made it. */
static unsigned char *put_after(unsigned char *at, struct site *site) {
  if (site->number != ARCH_CALL_ANY) {
    at = put_load(at, site->number);
    site->leave = (uint64_t)at;
    return put_relative(at, 0xE9, site->call);
  }
  const unsigned char *load = (const unsigned char *)site->load;
  unsigned length =
      ARCH_SYSCALL_LENGTH + comparison(load + ARCH_SYSCALL_LENGTH);
  site->leave = site->call = (uint64_t)at;
  at = put(at, load, length);
  return put_relative(at, 0xE9, site->load + length);
}

/* One stub; behind it the next. */
static unsigned char *put_stub(unsigned char *stub, struct site *site) {
  static const unsigned char down[] = {0x48, 0x8D, 0x64, 0x24, 0x80};
  static const unsigned char up[] = {0x48, 0x8D, 0xA4, 0x24, 0x80, 0, 0, 0};
  static const unsigned char load_target[] = {0x49, 0xBB}; /* movabs, r11 */
  static const unsigned char call[] = {0x41, 0xFF, 0xD3};
  static const unsigned char compare[] = {0x44, 0x3B, 0x19}; /* (%rcx), r11d */
  uint64_t enter = (uint64_t)__hwckpt_enter_before_call;
  unsigned char *at = put_before(stub, site);
  /* A jump to where it begins goes by the one that was replaced as well. */
  const unsigned char *again =
      site->again == site->load ? stub : (const unsigned char *)site->again;
  at = put(at, down, sizeof down);
  at = put(at, load_target, sizeof load_target);
  at = put(at, &enter, sizeof enter);
  at = put(at, call, sizeof call);
  at = put(at, up, sizeof up);
  site->check = (uint64_t)at;
  at = put(at, compare, sizeof compare);
  *at++ = 0x75; /* jne */
  *at = (unsigned char)(again - (at + 1));
  at++;
  put_after(at, site);
  return stub + ARCH_PROGRAM_CALLS_STUB;
}

/* Whether a jump reaches from one to the other. */
static bool reaches(uint64_t from, uint64_t to) {
  int64_t distance = (int64_t)(to - from);
  return distance < 0x7fff0000 && distance > -0x7fff0000;
}

static void put_jump(const struct site *site, uint64_t stub) {
  unsigned char *load = (unsigned char *)site->load;
  if (!site->cave) {
    put_relative(load, 0xE9, stub);
    return;
  }
  put_relative((unsigned char *)site->cave, 0xE9, stub);
  load[0] = 0xEB;
  load[1] = (unsigned char)(site->cave - site->call);
}

/* The pages of the sites from `first` on, in one piece an area: to change one
 * page after the other takes longer, and leaves an area in hundred pieces. */
static long protect(unsigned first, int protection) {
  long result = 0;
  for (unsigned next; first < count && result == 0; first = next) {
    uint64_t begin = UINT64_MAX, end = 0;
    for (next = first; next < count && sites[next].area == sites[first].area;
         next++) {
      uint64_t jump[] = {sites[next].load, sites[next].cave};
      for (unsigned i = 0; i < 2 && jump[i]; i++) {
        begin = jump[i] < begin ? jump[i] : begin;
        end = jump[i] + JUMP > end ? jump[i] + JUMP : end;
      }
    }
    begin &= ~4095ul;
    end = (end + 4095) & ~4095ul;
    result = SYS(mprotect, begin, end - begin, protection);
  }
  return result;
}

long arch_program_calls_change(void *memory) {
  unsigned char *stub = memory;
  unsigned first = changed;
  if (changed == count)
    return -ENOENT;
  for (unsigned i = first; i < count; i++)
    if (!reaches(sites[i].load, (uint64_t)memory))
      return -ERANGE;
  long result = protect(first, PROT_READ | PROT_WRITE | PROT_EXEC);
  for (unsigned i = first; i < count && result == 0; i++) {
    unsigned char *next = put_stub(stub, &sites[i]);
    put_jump(&sites[i], (uint64_t)stub);
    stub = next;
  }
  if (result == 0)
    changed = count;
  protect(first, PROT_READ | PROT_EXEC);
  return result < 0 ? result
                    : SYS(mprotect, memory, ARCH_PROGRAM_CALLS_STUBS,
                          PROT_READ | PROT_EXEC);
}

bool arch_program_calls_changed(void) { return changed != 0; }

/* In the syscall() that the executable brings (interface/interpose.c): from
 * where the answer is waited on to the call, and where it is asked for. */
extern const char syscall_check[] __asm__("__hwckpt_syscall_check")
    __attribute__((weak, visibility("hidden")));
extern const char syscall_call[] __asm__("__hwckpt_syscall_call")
    __attribute__((weak, visibility("hidden")));
extern const char syscall_again[] __asm__("__hwckpt_syscall_again")
    __attribute__((weak, visibility("hidden")));

static const struct site *site_of_call(uint64_t pc) {
  for (unsigned i = 0; i < changed; i++)
    if (sites[i].call == pc)
      return &sites[i];
  return 0;
}

long arch_program_call_number(uint64_t pc) {
  const struct site *site = site_of_call(pc);
  return site && site->number != ARCH_CALL_ANY ? (long)site->number : -1;
}

uint64_t arch_program_call_place(uint64_t pc) {
  const struct site *site = site_of_call(pc);
  return site && site->number == ARCH_CALL_ANY ? site->load : pc;
}

void arch_context_restart_call(ucontext_t *context) {
  uint64_t pc = arch_context_pc(context);
  long rax = context->uc_mcontext.gregs[REG_RAX];
  if (changed &&
      ((pc >= (uint64_t)syscall_check && pc <= (uint64_t)syscall_call)))
    arch_context_set_pc(context, (uint64_t)syscall_again);
  for (unsigned i = 0; i < changed; i++) {
    const struct site *site = &sites[i];
    if ((pc >= site->check && pc <= site->leave) ||
        (pc == site->call &&
         (site->number == ARCH_CALL_ANY || rax == (long)site->number)))
      arch_context_set_pc(context, site->again);
    else if (pc > site->load && pc < site->call &&
             site->call - site->load < JUMP + MIDDLE)
      arch_context_set_pc(context, site->load);
    else
      continue;
    return;
  }
}
