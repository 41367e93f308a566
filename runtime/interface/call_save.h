/* call_save.h - CKPT.SAVE in front of a system call that has to wait for its
 * checkpoint: in a listener (calls.h), where a restore goes on then.
 */
#ifndef HWCKPT_INTERFACE_CALL_SAVE_H
#define HWCKPT_INTERFACE_CALL_SAVE_H

#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/sys.h"

#include <signal.h>
#include <stdbool.h>

/* In a handler's place that blocks what the instruction does, the kernel would
 * end the program. */
static inline bool call_save_may_trap(void) {
  uint64_t blocked = ~0ull;
  SYS(rt_sigprocmask, SIG_BLOCK, 0, &blocked, 8);
  return !(blocked >> (SIGILL - 1) & 1);
}

/* Returns when all until here is committed, or cannot be; and in the restored
 * program. The entry stands in the place of the site's kind (hooks.c). */
#define CALL_SAVE(entry)                                                       \
  do {                                                                         \
    int result_;                                                               \
    __asm__ volatile(                                                          \
        ".byte %c[b0], %c[b1], %c[modrm], %c[sib]\n\t"                         \
        ".long %c[imm]"                                                        \
        : "=a"(result_)                                                        \
        : [b0] "i"(HWCKPT_INSN_BYTE0), [b1] "i"(HWCKPT_INSN_TRAP),             \
          [modrm] "i"(HWCKPT_INSN_MODRM), [sib] "i"(HWCKPT_INSN_SIB),          \
          [imm] "i"(HWCKPT_IMM(HWCKPT_OP_SAVE, entry))                         \
        : "memory");                                                           \
  } while (0)

#endif
