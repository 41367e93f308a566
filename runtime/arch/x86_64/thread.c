/* thread.c - threads that libc does not know, thread pointers, and leaving
 * through a signal frame. */
#include "../arch.h"
#include "../sys.h"

#include <asm/prctl.h>
#include <linux/sched.h>
#include <sys/auxv.h>

/* The new thread finds function and argument on top of its stack. */
static void *push_start(void *stack_top, void (*function)(void *),
                        void *argument) {
  uint64_t *sp = (uint64_t *)((uint64_t)stack_top & ~15ul);
  *--sp = (uint64_t)argument;
  *--sp = (uint64_t)function;
  return sp;
}

long arch_spawn_as(uint64_t flags, int tid, void *stack_top, void *tls,
                   void (*function)(void *), void *argument) {
  pid_t set_tid = tid;
  uint64_t *sp = push_start(stack_top, function, argument);
  /* clone3 puts the stack pointer at stack + stack_size. */
  struct clone_args args = {
      .flags = flags | (tls ? CLONE_SETTLS : 0),
      .stack = (uint64_t)sp - 4096,
      .stack_size = 4096,
      .tls = (uint64_t)tls,
      .set_tid = tid ? (uint64_t)&set_tid : 0,
      .set_tid_size = tid ? 1 : 0,
  };
  long result;
  __asm__ volatile("syscall\n\t"
                   "test %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xor %%ebp, %%ebp\n\t"
                   "pop %%rax\n\t"
                   "pop %%rdi\n\t"
                   "call *%%rax\n\t"
                   "mov %[exit], %%eax\n\t"
                   "xor %%edi, %%edi\n\t"
                   "syscall\n\t"
                   "ud2\n"
                   "1:"
                   : "=a"(result)
                   : "a"(SYS_clone3), "D"(&args),
                     "S"(sizeof args), [exit] "i"(SYS_exit)
                   : "rcx", "r11", "memory");
  return result;
}

long arch_spawn(uint64_t flags, void *stack_top, void *tls,
                void (*function)(void *), void *argument) {
  return arch_spawn_as(flags, 0, stack_top, tls, function, argument);
}

void *arch_tls_fill(void *block) {
  /* x86-64 ELF TLS: the thread pointer points to itself; libc's stack
   * protector reads its canary at +0x28. Variables would lie below. */
  char *tp = (char *)block + 2048;
  *(void **)tp = tp;
  *(void **)(tp + 0x10) = tp;
  *(uint64_t *)(tp + 0x28) = 0x5bd1e995a7c15f00ull;
  return tp;
}

/* Whether the kernel lets user code read them (HWCAP2_FSGSBASE). */
static bool direct_tls;

void arch_read_tls_directly(bool allowed) {
  direct_tls = allowed && (getauxval(AT_HWCAP2) & 2);
}

void arch_get_tls(uint64_t *fs, uint64_t *gs) {
  if (direct_tls) {
    __asm__ volatile("rdfsbase %0\n\trdgsbase %1" : "=r"(*fs), "=r"(*gs));
    return;
  }
  SYS(arch_prctl, ARCH_GET_FS, fs);
  SYS(arch_prctl, ARCH_GET_GS, gs);
}

void arch_set_tls(uint64_t fs, uint64_t gs) {
  SYS(arch_prctl, ARCH_SET_FS, fs);
  SYS(arch_prctl, ARCH_SET_GS, gs);
}

_Noreturn void arch_sigreturn(const ucontext_t *context) {
  /* rt_sigreturn expects the stack pointer behind the frame's return address,
   * which is where the ucontext begins. */
  __asm__ volatile("mov %0, %%rsp\n\t"
                   "mov %1, %%eax\n\t"
                   "syscall\n\t"
                   "ud2"
                   :
                   : "r"(context), "i"(SYS_rt_sigreturn)
                   : "memory");
  __builtin_unreachable();
}

__asm__(".text\n"
        ".balign 16\n"
        ".globl arch_restorer\n"
        ".hidden arch_restorer\n"
        ".type arch_restorer, @function\n"
        "arch_restorer:\n"
        "  mov $15, %eax\n" /* SYS_rt_sigreturn */
        "  syscall\n"
        ".size arch_restorer, . - arch_restorer\n");

_Noreturn void arch_on_stack(void *stack_top, void (*function)(void *),
                             void *argument) {
  __asm__ volatile("mov %0, %%rsp\n\t"
                   "xor %%ebp, %%ebp\n\t"
                   "call *%1\n\t"
                   "ud2"
                   :
                   : "r"((uint64_t)stack_top & ~15ul), "r"(function),
                     "D"(argument)
                   : "memory");
  __builtin_unreachable();
}

void arch_call_on_stack(void *stack_top,
                        void (*function)(unsigned number, void *argument),
                        unsigned number, void *argument) {
  register long first __asm__("rdi") = number;
  register void *second __asm__("rsi") = argument;
  register uint64_t sp __asm__("rdx") = (uint64_t)stack_top & ~15ul;
  register void (*call)(unsigned, void *) __asm__("rcx") = function;
  __asm__ volatile("mov %%rsp, %%rbx\n\t"
                   "mov %%rdx, %%rsp\n\t"
                   "call *%%rcx\n\t"
                   "mov %%rbx, %%rsp"
                   : "+r"(first), "+r"(second), "+r"(sp), "+r"(call)
                   :
                   : "rax", "rbx", "r8", "r9", "r10", "r11", "memory", "cc",
                     "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                     "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                     "xmm14", "xmm15");
}

_Noreturn void arch_unmap_and_sigreturn(void *address, size_t length,
                                        const ucontext_t *context) {
  register const ucontext_t *kept __asm__("rbx") = context;
  __asm__ volatile(
      "mov %[munmap], %%eax\n\t"
      "syscall\n\t"
      "mov %%rbx, %%rsp\n\t"
      "mov %[sigreturn], %%eax\n\t"
      "syscall\n\t"
      "ud2"
      :
      : "D"(address), "S"(length),
        "r"(kept), [munmap] "i"(SYS_munmap), [sigreturn] "i"(SYS_rt_sigreturn)
      : "memory");
  __builtin_unreachable();
}

void arch_relax(void) { __builtin_ia32_pause(); }
