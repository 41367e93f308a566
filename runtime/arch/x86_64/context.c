/* context.c - the interrupted registers of a signal frame, system calls and
 * traps in them. */
#include "../../../intrinsics/hwckpt_isa.h"
#include "../arch.h"

#define EFLAGS_TRAP 0x100

static greg_t *reg(ucontext_t *context, int which) {
  return &context->uc_mcontext.gregs[which];
}

static greg_t get(const ucontext_t *context, int which) {
  return context->uc_mcontext.gregs[which];
}

uint64_t arch_context_pc(const ucontext_t *context) {
  return (uint64_t)get(context, REG_RIP);
}

void arch_context_set_pc(ucontext_t *context, uint64_t pc) {
  *reg(context, REG_RIP) = (greg_t)pc;
}

uint64_t arch_context_sp(const ucontext_t *context) {
  return (uint64_t)get(context, REG_RSP);
}

/* The segment registers, as of every 64-bit program. */
#define SEGMENTS 0x002b000000000033ull

bool arch_is_signal_frame(const uint64_t *words, uint64_t i, uint64_t *pc,
                          uint64_t *sp) {
  if (words[i] != SEGMENTS || i < REG_CSGSFS - REG_RSP)
    return false;
  *pc = words[i - (REG_CSGSFS - REG_RIP)];
  *sp = words[i - (REG_CSGSFS - REG_RSP)];
  return true;
}

bool arch_signal_frame_call(const uint64_t *words, uint64_t i,
                            struct arch_call *call, uint64_t *pc) {
  static const int registers[6] = {REG_RDI, REG_RSI, REG_RDX,
                                   REG_R10, REG_R8,  REG_R9};
  uint64_t sp;
  if (i < REG_CSGSFS || !arch_is_signal_frame(words, i, pc, &sp))
    return false;
  call->number = words[i - (REG_CSGSFS - REG_RAX)];
  for (unsigned k = 0; k < 6; k++)
    call->arguments[k] = words[i - (unsigned)(REG_CSGSFS - registers[k])];
  return true;
}

uint64_t arch_context_sigmask(const ucontext_t *context) {
  return *(const uint64_t *)(const void *)&context->uc_sigmask;
}

void arch_context_unblock(ucontext_t *context, int number) {
  *(uint64_t *)(void *)&context->uc_sigmask &= ~(1ull << (number - 1));
}

#define FAULT_WRITE 2 /* of the error code of a page fault, Intel SDM 4.7 */

bool arch_context_is_write(const ucontext_t *context) {
  return get(context, REG_ERR) & FAULT_WRITE;
}

int64_t arch_context_result(const ucontext_t *context) {
  return get(context, REG_RAX);
}

void arch_context_set_result(ucontext_t *context, int64_t result) {
  *reg(context, REG_RAX) = result;
}

static const int argument_register[6] = {REG_RDI, REG_RSI, REG_RDX,
                                         REG_R10, REG_R8,  REG_R9};

uint64_t arch_context_argument(const ucontext_t *context, unsigned i) {
  return (uint64_t)get(context, argument_register[i]);
}

void arch_context_set_argument(ucontext_t *context, unsigned i,
                               uint64_t value) {
  *reg(context, argument_register[i]) = (greg_t)value;
}

static bool is_syscall(const unsigned char *code) {
  return code[0] == 0x0F && code[1] == 0x05;
}

#define PAGE 4096u

/* The byte at pc is readable, and so are others of its page: a system call that
 * lies on two is taken for one only where the result says that the kernel
 * returned from it. */
bool arch_context_after_syscall(const ucontext_t *context) {
  uint64_t pc = arch_context_pc(context);
  return (pc % PAGE >= ARCH_SYSCALL_LENGTH ||
          (get(context, REG_RAX) < 0 && get(context, REG_RAX) > -4096)) &&
         is_syscall((const unsigned char *)pc - ARCH_SYSCALL_LENGTH);
}

bool arch_context_at_syscall(const ucontext_t *context) {
  uint64_t pc = arch_context_pc(context);
  return pc % PAGE <= PAGE - ARCH_SYSCALL_LENGTH &&
         is_syscall((const unsigned char *)pc);
}

/* The instruction leaves its successor's address in rcx (Intel SDM, SYSCALL),
 * which the kernel gives back. */
bool arch_context_was_in_syscall(const ucontext_t *context) {
  return arch_context_at_syscall(context) &&
         (uint64_t)get(context, REG_RCX) ==
             arch_context_pc(context) + ARCH_SYSCALL_LENGTH;
}

void arch_context_rewind_syscall(ucontext_t *context, long number) {
  *reg(context, REG_RIP) -= ARCH_SYSCALL_LENGTH;
  *reg(context, REG_RAX) = number;
}

void arch_context_finish_syscall(ucontext_t *context, int64_t result) {
  *reg(context, REG_RIP) += ARCH_SYSCALL_LENGTH;
  *reg(context, REG_RAX) = result;
}

uint64_t arch_breakpoint_address(const ucontext_t *context) {
  return arch_context_pc(context) - 1;
}

static uint32_t decode(const unsigned char *code, unsigned char byte1) {
  if (code[0] != HWCKPT_INSN_BYTE0 || code[1] != byte1 ||
      code[2] != HWCKPT_INSN_MODRM || code[3] != HWCKPT_INSN_SIB)
    return 0;
  uint32_t imm = code[4] | (uint32_t)code[5] << 8 | (uint32_t)code[6] << 16 |
                 (uint32_t)code[7] << 24;
  return HWCKPT_IMM_MAGIC(imm) == HWCKPT_MAGIC ? imm : 0;
}

uint32_t arch_checkpoint_instruction(const ucontext_t *context, bool trap) {
  return decode((const unsigned char *)arch_context_pc(context),
                trap ? HWCKPT_INSN_TRAP : HWCKPT_INSN_NOP);
}

int arch_site_byte(const unsigned char *site, unsigned char *armed) {
  *armed = HWCKPT_BREAKPOINT;
  if (*site == HWCKPT_BREAKPOINT)
    return -1;
  /* Read on only where the first byte is right: the page may end here. */
  if (*site != HWCKPT_INSN_BYTE0 || !decode(site, HWCKPT_INSN_NOP))
    return 0;
  *armed = HWCKPT_INSN_TRAP;
  return 1;
}

void arch_context_set_step(ucontext_t *context, bool step) {
  if (step)
    *reg(context, REG_EFL) |= EFLAGS_TRAP;
  else
    *reg(context, REG_EFL) &= ~(greg_t)EFLAGS_TRAP;
}
