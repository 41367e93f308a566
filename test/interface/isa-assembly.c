// Save, load and poll through each hook, from a file of assembly that no plugin
// sees (docs/isa.md), and what it finds out beforehand.
// RUN: rm -rf %t && mkdir %t && %clang -c %S/Inputs/hooks.s -o %t/hooks.o
// RUN: %behaviour %s %t/hooks.o -o %t/with && %clang -O2 -DWITHOUT -Wall -Werror -I%src/test/Inputs -I%inc %s %t/hooks.o -o %t/without
// RUN: %t/without
// Each operation, in the order of time.
// RUN: for hook in trap interrupt syscall; do %hwckpt run --name $hook -o keep=100 -- %t/with operations $hook %t/$hook || exit; done
// Every site that is reached is a checkpoint: so are polls of each kind.
// RUN: for hook in trap interrupt syscall insn; do %hwckpt run --name every-$hook -o every_site=1:keep=100 -- %t/with every $hook || exit; done
// RUN: test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody %hwckpt run -o every_site=1:keep=100 -- %t/with every syscall || test $? = 77
// A rule that waits for a site that is asked for is served by each.
// RUN: for hook in trap interrupt syscall insn; do %hwckpt run --name rule-$hook --on signal=USR1,site=100s -- %t/with rule $hook || exit; done
#include "behaviour.h"
#include <hwckpt_isa.h>
int asm_discover(void);
#ifdef WITHOUT
int main(void) {
  CHECK_EQUAL(asm_discover(), 0);
  return 0;
}
#else
#include <hwckpt.h>
typedef int operation(void);
#define HOOK(name)                                                             \
  operation asm_##name##_poll, asm_##name##_save, asm_##name##_load;
HOOK(trap)
HOOK(interrupt)
HOOK(syscall)
operation asm_insn_poll;
static const struct hook {
  const char *name;
  operation *poll, *save, *load;
} hooks[] = {
    {"trap", asm_trap_poll, asm_trap_save, asm_trap_load},
    {"interrupt", asm_interrupt_poll, asm_interrupt_save, asm_interrupt_load},
    {"syscall", asm_syscall_poll, asm_syscall_save, asm_syscall_load},
    {"insn", asm_insn_poll, 0, 0},
};

static void operations(const struct hook *hook, const char *file) {
  unsigned long long before = hwckpt_generation();
  CHECK(hook != &hooks[2] || hook->poll() == 0); /* the first call of all */
  int times = hook->save();
  CHECK(times >= 0);
  CHECK_EQUAL(times, !first_time(file));
  if (times == 0) {
    CHECK_EQUAL(hook->load(), 0);
    _exit(1); /* it does not return */
  }
  CHECK(hwckpt_generation() > before);
  before = hwckpt_generation();
  for (int i = 0; i < 10; i++) /* nothing is pending */
    hook->poll();
  CHECK_EQUAL(hwckpt_generation(), before);
  CHECK(hook != &hooks[2] || hook->poll() == 0);
}

/* No site of the compiler's lies on the way. */
[[clang::noinline, hwckpt::nopoll]] static void every(const struct hook *hook) {
  unsigned long long before = hwckpt_generation();
  for (int i = 0; i < 5; i++)
    hook->poll();
  CHECK_EQUAL(hwckpt_generation() - before, 5);
}

[[clang::noinline, hwckpt::nopoll]] static void rule(const struct hook *hook) {
  unsigned long long before = hwckpt_generation();
  raise(SIGUSR1);
  for (double end = now() + 0.2; now() < end;)
    ; /* not yet */
  CHECK_EQUAL(hwckpt_generation(), before);
  for (double end = now() + 20; hwckpt_generation() == before;) {
    hook->poll();
    CHECK(now() < end);
  }
}

int main(int argc, char **argv) {
  const struct hook *hook = hooks;
  CHECK(argc >= 3);
  CHECK_EQUAL(asm_discover(), HWCKPT_ISA_VERSION);
  while (strcmp(hook->name, argv[2]))
    hook++;
  if (!strcmp(argv[1], "operations"))
    operations(hook, argv[3]);
  else if (!strcmp(argv[1], "every"))
    every(hook);
  else
    rule(hook);
  return 0;
}
#endif
