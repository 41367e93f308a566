/* entries.c - see entries.h.
 *
 * The ways are measured in a child process, because the filter that the system
 * call needs cannot be taken back. The child shares nothing but a page with the
 * times in it.
 */
#include "entries.h"

#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/quiesce.h"
#include "hooks.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ROUNDS 64
#define EXPORTED __attribute__((visibility("default")))

EXPORTED extern int __hwckpt_hook;
int __hwckpt_hook = HWCKPT_ENTER_TRAP;

EXPORTED extern const struct hwckpt_isa __hwckpt_isa;
const struct hwckpt_isa __hwckpt_isa = {
    .version = HWCKPT_ISA_VERSION,
    .operations = 1u << HWCKPT_OP_POLL | 1u << HWCKPT_OP_SAVE |
                  1u << HWCKPT_OP_LOAD | 1u << HWCKPT_OP_NONE,
    .entries = 1u << HWCKPT_ENTER_TRAP | 1u << HWCKPT_ENTER_SYSCALL |
               1u << HWCKPT_ENTER_INTERRUPT,
};

static const char *const names[HWCKPT_ENTER_COUNT] = {
    [HWCKPT_ENTER_TRAP] = "trap",
    [HWCKPT_ENTER_SYSCALL] = "syscall",
    [HWCKPT_ENTER_INTERRUPT] = "interrupt",
};

/* The fastest of ROUNDS, so that being scheduled away does not count. */
static uint64_t measure(int entry) {
  uint64_t best = ~0ull;
  for (int i = 0; i < ROUNDS; i++) {
    uint64_t begin = quiesce_now_ns();
    arch_enter(entry);
    uint64_t time = quiesce_now_ns() - begin;
    best = time < best ? time : best;
  }
  return best;
}

static _Noreturn void measure_all(uint64_t *times) {
  times[HWCKPT_ENTER_TRAP] = measure(HWCKPT_ENTER_TRAP);
  times[HWCKPT_ENTER_INTERRUPT] = measure(HWCKPT_ENTER_INTERRUPT);
  /* Last: the filter slows down the others too. Where it is refused, the call
   * returns at once, which is no way in. */
  if (hooks_catch_syscalls())
    times[HWCKPT_ENTER_SYSCALL] = measure(HWCKPT_ENTER_SYSCALL);
  for (;;)
    SYS(exit_group, 0);
}

EXPORTED int __hwckpt_measure_hooks(unsigned long times[HWCKPT_ENTER_COUNT]) {
  size_t size = 4096;
  int best = HWCKPT_ENTER_TRAP;
  long page = SYS(mmap, 0, size, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memset(times, 0, HWCKPT_ENTER_COUNT * sizeof *times);
  if (page < 0 && page > -4096)
    return best;
  long child = SYS(clone, 0, 0, 0, 0, 0);
  if (child == 0)
    measure_all((uint64_t *)page);
  if (child > 0)
    SYS(wait4, child, 0, __WCLONE, 0);
  memcpy(times, (void *)page, HWCKPT_ENTER_COUNT * sizeof *times);
  SYS(munmap, page, size);
  for (int i = 0; i < HWCKPT_ENTER_COUNT; i++)
    if (times[i] && times[i] < times[best])
      best = i;
  return best;
}

void entries_choose(const char *hook) {
  size_t length = strlen(hook);
  unsigned long times[HWCKPT_ENTER_COUNT];
  if (length == 4 && memcmp(hook, "auto", 4) == 0)
    __hwckpt_hook = __hwckpt_measure_hooks(times);
  for (int i = 0; i < HWCKPT_ENTER_COUNT; i++)
    if (length == strlen(names[i]) && memcmp(hook, names[i], length) == 0)
      __hwckpt_hook = i;
}
