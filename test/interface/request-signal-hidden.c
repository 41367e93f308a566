// The signal that asks for a checkpoint has the default action as far as the
// program is told, also when it sets a handler and puts back what there was:
// then it has that action.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t
#include "behaviour.h"
#include <sys/wait.h>
static volatile int handled;
static void handler(int number) { handled += number == SIGUSR1; }
static void check_default(void) {
  struct sigaction now;
  CHECK_EQUAL(sigaction(SIGUSR1, NULL, &now), 0);
  CHECK(now.sa_handler == SIG_DFL && !(now.sa_flags & SA_SIGINFO));
}
static void check_ends(void) {
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    raise(SIGUSR1);
    _exit(0);
  }
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
}
int main(void) {
  struct sigaction before, action = {.sa_handler = handler};
  check_default();
  CHECK_EQUAL(generations(), 0);
  raise(SIGUSR1);
  while (generations() == 0)
    sched_yield();
  CHECK_EQUAL(sigaction(SIGUSR1, &action, &before), 0);
  CHECK(before.sa_handler == SIG_DFL);
  raise(SIGUSR1);
  CHECK_EQUAL(handled, 1);
  CHECK_EQUAL(sigaction(SIGUSR1, &before, NULL), 0);
  check_default();
  check_ends();
  CHECK(signal(SIGUSR1, handler) == SIG_DFL);
  CHECK(signal(SIGUSR1, SIG_DFL) == handler);
  check_ends();
  return 0;
}
