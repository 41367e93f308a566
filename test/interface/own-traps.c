// A program that handles SIGTRAP and SIGILL itself gets its own traps, with its
// own mask and context, while sites are armed and checkpoints are taken, and
// after a restore; what it asks for is told again.
// RUN: %behaviour %s -o %t && rm -f %t.once && %restored --every 3ms -o keep=1000 -- %t %t.once
#include "once.h"
#include <setjmp.h>
#include <ucontext.h>
static volatile int traps, illegals, sent;
static sigjmp_buf recover;
static void on_trap(int number, siginfo_t *info, void *context) {
  sigset_t mask;
  (void)context;
  CHECK_EQUAL(number, SIGTRAP);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
  CHECK_EQUAL(sigismember(&mask, SIGUSR2), 1);
  CHECK_EQUAL(sigismember(&mask, SIGHUP), 0);
  for (volatile int i = 0; i < 1000; i++) // a loop with a site
    ;
  if (info->si_code <= 0)
    sent++;
  else
    traps++;
}
static void on_illegal(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  if (++illegals % 2)
    siglongjmp(recover, 1);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2; // over the ud2
}
static void on_once(int number) {
  (void)number;
  illegals += 100;
}
static void go_through(void) {
  unsigned before = generations();
  for (int i = 0; i < 100 || generations() < before + 3; i++) {
    int had = traps, was = illegals, came = sent;
    __asm__ volatile("int3");
    CHECK_EQUAL(traps, had + 1);
    raise(SIGTRAP);
    CHECK_EQUAL(sent, came + 1);
    if (sigsetjmp(recover, 1) == 0)
      __asm__ volatile("ud2");
    __asm__ volatile("ud2");
    CHECK_EQUAL(illegals, was + 2);
  }
}
static void check_told(void) {
  struct sigaction now;
  CHECK_EQUAL(sigaction(SIGTRAP, NULL, &now), 0);
  CHECK(now.sa_sigaction == on_trap && now.sa_flags == SA_SIGINFO);
  CHECK_EQUAL(sigismember(&now.sa_mask, SIGUSR2), 1);
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  struct sigaction before,
      action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
  sigaddset(&action.sa_mask, SIGUSR2);
  CHECK_EQUAL(sigaction(SIGTRAP, &action, &before), 0);
  CHECK(before.sa_handler == SIG_DFL);
  action.sa_sigaction = on_illegal;
  CHECK_EQUAL(sigaction(SIGILL, &action, NULL), 0);
  check_told();
  go_through();
  check_told();
  die_once(argv[1]);
  go_through();
  // SA_RESETHAND, signal(), and being ignored.
  action.sa_handler = on_once;
  action.sa_flags = (int)SA_RESETHAND;
  CHECK_EQUAL(sigaction(SIGILL, &action, NULL), 0);
  int was = illegals;
  raise(SIGILL);
  CHECK_EQUAL(illegals, was + 100);
  CHECK(signal(SIGILL, SIG_IGN) == SIG_DFL);
  raise(SIGILL);
  CHECK(signal(SIGILL, on_once) == SIG_IGN);
  raise(SIGILL);
  CHECK_EQUAL(illegals, was + 200);
  CHECK(signal(SIGUSR2, on_once) == SIG_DFL);
  raise(SIGUSR2);
  CHECK_EQUAL(illegals, was + 300);
  CHECK(__builtin_ckpt_save() >= 0);
  return 0;
}
