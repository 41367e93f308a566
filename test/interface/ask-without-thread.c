// Who asks a program for a checkpoint that cannot begin the runtime's thread is
// told so, and does not wait for ever.
// RUN: %behaviour %s -o %t && %t %hwckpt 2>&1 | FileCheck %s
// CHECK: HWCKPT-E509: {{.*}}the runtime's thread cannot be begun
#include "behaviour.h"
#include <sys/resource.h>
#include <sys/wait.h>
int main(int count, char **arguments) {
  struct rlimit before, none;
  char pid[16];
  int status;
  CHECK(count == 2 && getrlimit(RLIMIT_AS, &before) == 0);
  snprintf(pid, sizeof pid, "%d", getpid());
  none = before;
  none.rlim_cur = 4096;
  CHECK(setrlimit(RLIMIT_AS, &none) == 0);
  alarm(30);
  pid_t child = fork();
  if (child == 0) {
    setrlimit(RLIMIT_AS, &before);
    execl(arguments[1], "hwckpt", "ckpt", pid, (char *)NULL);
    _exit(1);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status));
  return 0;
}
