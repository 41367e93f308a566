// A child that ended and was not asked for is one that __WCLONE asks for, and
// waitpid() does not, where clone() gave it another signal than SIGCHLD, or
// none.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/wait.h>
static pid_t make(int exit_signal, int status) {
  siginfo_t info;
  pid_t child = (pid_t)syscall(SYS_clone, exit_signal, 0, 0, 0, 0);
  CHECK(child >= 0);
  if (!child)
    syscall(SYS_exit_group, status);
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | __WALL) == 0);
  return child;
}
static void check(pid_t child, int flags, int status) {
  int got;
  CHECK(waitpid(child, &got, flags ^ __WCLONE) < 0 && errno == ECHILD);
  CHECK(waitpid(child, &got, flags) == child);
  CHECK(WIFEXITED(got) && WEXITSTATUS(got) == status);
}
int main(void) {
  sigset_t all, pending;
  const struct timespec none = {0, 0};
  sigfillset(&all);
  CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
  pid_t told = make(SIGUSR1, 3), silent = make(0, 4), usual = make(SIGCHLD, 5);
  while (sigtimedwait(&all, NULL, &none) > 0)
    ;
  die_and_come_back();
  CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
  CHECK(!sigismember(&pending, SIGCHLD));
  check(told, __WCLONE, 3);
  check(silent, __WCLONE, 4);
  check(usual, 0, 5);
  return 0;
}
