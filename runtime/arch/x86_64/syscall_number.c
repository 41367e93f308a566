/* syscall_number.c - which system call the code in front of a system call
 * instruction makes.
 *
 * After the call its number is gone from the registers. Compilers load it into
 * eax a few instructions earlier, with the moves of arguments in between: a
 * load counts if a row of such instructions leads from it exactly to the system
 * call.
 */
#include "../arch.h"

#define REACH 40 /* bytes that are searched */
#define NUMBERS 1024
#define EAX 0

struct modrm {
  unsigned length; /* with SIB and displacement */
  unsigned mod, reg, rm;
};

static struct modrm read_modrm(const unsigned char *code, unsigned rex) {
  struct modrm modrm = {1, code[0] >> 6, (code[0] >> 3 & 7) | (rex & 4) << 1,
                        (code[0] & 7) | (rex & 1) << 3};
  bool sib = modrm.mod != 3 && (code[0] & 7) == 4;
  unsigned base = sib ? code[1] & 7 : code[0] & 7;
  modrm.length += sib;
  if (modrm.mod == 1)
    modrm.length += 1;
  else if (modrm.mod == 2 || (modrm.mod == 0 && base == 5))
    modrm.length += 4;
  return modrm;
}

enum shape {
  OTHER,
  TO_REG, /* ModRM, writes reg */
  TO_RM,  /* ModRM, writes r/m */
  NO_GPR, /* ModRM, writes no general register */
  TO_RM_1,
  TO_RM_4, /* ModRM and an immediate of so many bytes */
};

static enum shape shape_of(unsigned op) {
  switch (op) {
  case 0x03: /* add, or, and, sub, xor, movslq, mov, lea */
  case 0x0B:
  case 0x23:
  case 0x2B:
  case 0x33:
  case 0x63:
  case 0x8B:
  case 0x8D:
    return TO_REG;
  case 0x01:
  case 0x09:
  case 0x21:
  case 0x29:
  case 0x31:
  case 0x88:
  case 0x89:
    return TO_RM;
  case 0x39: /* cmp, test */
  case 0x3B:
  case 0x84:
  case 0x85:
    return NO_GPR;
  case 0x80:
  case 0x83:
  case 0xC1:
  case 0xC6:
    return TO_RM_1;
  case 0x81:
  case 0xC7:
    return TO_RM_4;
  default:
    return OTHER;
  }
}

/* Behind 0F: cmov, movzx and movsx, moves of vector registers. */
static enum shape shape_of_long(unsigned op) {
  if (op >> 4 == 4 || (op & 0xF6) == 0xB6)
    return TO_REG;
  return op == 0x10 || op == 0x11 || op == 0x28 || op == 0x29 || op == 0x6F ||
                 op == 0x7F
             ? NO_GPR
             : OTHER;
}

/* Length of the instruction; 0 when it is of another kind or writes eax. */
static unsigned pass(const unsigned char *code) {
  const unsigned char *p = code;
  if (*p == 0x66 || *p == 0xF3)
    p++;
  unsigned rex = (*p & 0xF0) == 0x40 ? *p++ & 15 : 0;
  unsigned op = *p++;
  if ((op & 0xF8) == 0xB8) /* mov $imm, register */
    return (op & 7) == EAX && !(rex & 1)
               ? 0
               : (unsigned)(p - code) + (rex & 8 ? 8 : 4);
  enum shape shape = op == 0x0F ? shape_of_long(*p++) : shape_of(op);
  if (shape == OTHER)
    return 0;
  struct modrm modrm = read_modrm(p, rex);
  if (shape == TO_REG ? modrm.reg == EAX
                      : shape != NO_GPR && modrm.mod == 3 && modrm.rm == EAX)
    return 0;
  p += modrm.length + (shape == TO_RM_1) + (shape == TO_RM_4) * 4;
  return (unsigned)(p - code);
}

static long register_value(const ucontext_t *context, unsigned number) {
  /* rcx and r11 are the kernel's. */
  static const int registers[16] = {
      -1,     -1,     REG_RDX, REG_RBX, -1,      REG_RBP, REG_RSI, REG_RDI,
      REG_R8, REG_R9, REG_R10, -1,      REG_R12, REG_R13, REG_R14, REG_R15};
  int index = registers[number];
  return index < 0 ? -1 : context->uc_mcontext.gregs[index];
}

/* The number that the instruction loads into eax, -1: none, and its length. */
static long load(const ucontext_t *context, const unsigned char *code,
                 unsigned *length) {
  if (code[0] == 0xB8) {
    *length = 5;
    return (long)(code[1] | (uint32_t)code[2] << 8 | (uint32_t)code[3] << 16 |
                  (uint32_t)code[4] << 24);
  }
  if (code[0] == 0x31 && code[1] == 0xC0) { /* xor %eax, %eax */
    *length = 2;
    return 0;
  }
  unsigned rex = (code[0] & 0xF8) == 0x40 ? code[0] & 15 : 0;
  const unsigned char *p = rex ? code + 1 : code;
  if (p[0] == 0x8B && p[1] == 0x44 && p[2] == 0x24) { /* mov n(%rsp), %eax */
    *length = (unsigned)(p - code) + 4;
    return *(const int *)(context->uc_mcontext.gregs[REG_RSP] +
                          (signed char)p[3]);
  }
  if (p[0] != 0x89)
    return -1;
  struct modrm modrm = read_modrm(p + 1, rex);
  *length = (unsigned)(p - code) + 2;
  return modrm.mod == 3 && modrm.rm == EAX ? register_value(context, modrm.reg)
                                           : -1;
}

static bool leads_to(const unsigned char *code, const unsigned char *end) {
  while (code < end) {
    unsigned length = pass(code);
    if (!length)
      return false;
    code += length;
  }
  return code == end;
}

long arch_context_syscall_number(const ucontext_t *context) {
  uint64_t at = arch_context_pc(context) - ARCH_SYSCALL_LENGTH;
  long told = arch_program_call_number(at);
  if (told >= 0)
    return told;
  at = arch_program_call_place(at);
  const unsigned char *end = (const unsigned char *)at;
  /* The page before need not be mapped. */
  uint64_t room = at & 4095;
  for (unsigned back = 2; back <= REACH && back <= room; back++) {
    unsigned length = 0;
    long number = load(context, end - back, &length);
    if (number >= 0 && number < NUMBERS && leads_to(end - back + length, end))
      return number;
  }
  return -1;
}
