// Signal actions come back: handler, flags and mask of each, ignored and
// default ones; what the flags mean holds when a signal comes.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
static volatile int depth, deepest, value, on_alternate;
static char stack[65536];
static void nested(int number) {
  if (++depth > deepest)
    deepest = depth;
  if (depth < 3)
    raise(number);
  depth--;
}
static void with_value(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  char here;
  value = info->si_value.sival_int;
  on_alternate = &here >= stack && &here < stack + sizeof stack;
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  CHECK(sigismember(&mask, SIGHUP) && sigismember(&mask, SIGRTMIN + 3));
  CHECK(!sigismember(&mask, SIGTERM));
}
static void once(int number) { value = number; }
int main(void) {
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  CHECK_EQUAL(sigaltstack(&alternate, NULL), 0);
  struct sigaction action = {.sa_handler = nested, .sa_flags = SA_NODEFER};
  CHECK_EQUAL(sigaction(SIGTERM, &action, NULL), 0);
  action = (struct sigaction){.sa_sigaction = with_value,
                              .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigaddset(&action.sa_mask, SIGHUP);
  sigaddset(&action.sa_mask, SIGRTMIN + 3);
  CHECK_EQUAL(sigaction(SIGRTMAX, &action, NULL), 0);
  action = (struct sigaction){.sa_handler = once, .sa_flags = SA_RESETHAND};
  CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
  signal(SIGPIPE, SIG_IGN);
  die_and_come_back();

  struct sigaction now;
  CHECK_EQUAL(sigaction(SIGRTMAX, NULL, &now), 0);
  CHECK(now.sa_sigaction == with_value);
  CHECK_EQUAL(now.sa_flags &
                  (SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER),
              SA_SIGINFO | SA_ONSTACK | SA_RESTART);
  raise(SIGTERM);
  CHECK_EQUAL(deepest, 3);
  sigqueue(getpid(), SIGRTMAX, (union sigval){.sival_int = 77});
  CHECK(value == 77 && on_alternate);
  raise(SIGUSR2);
  CHECK_EQUAL(value, SIGUSR2);
  CHECK_EQUAL(sigaction(SIGUSR2, NULL, &now), 0);
  CHECK(now.sa_handler == SIG_DFL);
  CHECK_EQUAL(sigaction(SIGPIPE, NULL, &now), 0);
  CHECK(now.sa_handler == SIG_IGN);
  CHECK_EQUAL(sigaction(SIGWINCH, NULL, &now), 0);
  CHECK(now.sa_handler == SIG_DFL);
  raise(SIGPIPE);
  return 0;
}
