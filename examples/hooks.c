/* hooks.c - checkpoints by inline assembly, through each hook (docs/isa.md).
 *
 *   clang -fhwckpt hooks.c -o hooks && ./hooks
 *
 * Each save is taken once, says 0, and says 1 when the load has rolled the
 * program back to it. The instruction itself is shown as a poll: save and load
 * are the trap's.
 */
#include <hwckpt.h>
#include <hwckpt_isa.h>
#include <stdio.h>

/* Not there, and so null, where no runtime is. */
extern const struct hwckpt_isa __hwckpt_isa __attribute__((weak));

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define INSTRUCTION(byte1, operation, entry)                                   \
  ".byte 0x0f, " byte1 ", 0x84, 0x00\n\t"                                      \
  ".long 0x48570000 | " TEXT(operation) " << 8 | " entry "\n\t"

/* ud1; the runtime takes the trap. */
#define BY_TRAP(operation, result)                                             \
  __asm__ volatile(INSTRUCTION("0xb9", operation, "2")                         \
                   : "+a"(result)                                              \
                   :                                                           \
                   : "memory")

/* int3, and behind it the instruction as a NOP, which says what it is for. */
#define BY_INTERRUPT(operation, result)                                        \
  __asm__ volatile("int3\n\t" INSTRUCTION("0x1f", operation, "2")              \
                   : "+a"(result)                                              \
                   :                                                           \
                   : "memory")

/* A system call that no kernel knows; -38 is ENOSYS: nobody catches it yet. */
#define BY_SYSTEM_CALL(operation, result)                                      \
  __asm__ volatile(                                                            \
      "movl $0x04857000 + " TEXT(                                              \
          operation) ", %%eax\n\t"                                             \
                     "syscall\n\t"                                             \
                     "cmpl $-38, %%eax\n\t"                                    \
                     "jne 1f\n\t" INSTRUCTION("0xb9", operation, "0x80") "1:"  \
      : "=a"(result)                                                           \
      :                                                                        \
      : "rcx", "r11", "cc", "memory")

/* The instruction, a NOP that the table of sites has: the runtime makes a trap
 * of it when a checkpoint is asked for. */
#define IN_TABLE                                                               \
  ".pushsection hwckpt_sites_annotated,\"ao\",@progbits,.text\n\t"             \
  ".long 1b - .\n\t"                                                           \
  ".popsection"
#define POLL_BY_INSTRUCTION()                                                  \
  __asm__ volatile("1:\n\t" INSTRUCTION("0x1f", HWCKPT_OP_POLL, "2") IN_TABLE  \
                   :                                                           \
                   :                                                           \
                   : "memory")

#define SHOW(name, enter)                                                      \
  do {                                                                         \
    int poll = 0, save = 0, load = 0;                                          \
    enter(HWCKPT_OP_POLL, poll);                                               \
    enter(HWCKPT_OP_SAVE, save);                                               \
    printf("%s: poll %d, save %d\n", name, poll, save);                        \
    if (save == 0) {                                                           \
      enter(HWCKPT_OP_LOAD, load);                                             \
      printf("%s: load %d\n", name, load); /* it failed */                     \
      return 1;                                                                \
    }                                                                          \
    if (save < 0)                                                              \
      return 1;                                                                \
  } while (0)

int main(void) {
  if (!&__hwckpt_isa)
    return puts("no runtime"), 0;
  setbuf(stdout, NULL); /* a load takes back what is not written yet */
  printf("version %u, operations %#x, entries %#x\n", __hwckpt_isa.version,
         __hwckpt_isa.operations, __hwckpt_isa.entries);
  SHOW("trap", BY_TRAP);
  SHOW("interrupt", BY_INTERRUPT);
  SHOW("system call", BY_SYSTEM_CALL);
  unsigned long long before = hwckpt_generation();
  hwckpt_request();
  while (hwckpt_generation() == before)
    POLL_BY_INSTRUCTION();
  puts("instruction: polled until there was a checkpoint");
  return 0;
}
