// A process that another of the program traces (a debugger, strace) is refused
// at once: it would wait in its stop for who traces it, and that one stands
// already. When it is let go of there is a checkpoint.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run -- %t 2> %t.said
// RUN: test $(grep -c HWCKPT-E230 %t.said) = 1 && grep -q 'E230.*traces it' %t.said
#include "behaviour.h"
#include <sys/ptrace.h>
#include <sys/wait.h>

/* Signals are passed on as they come, as strace does it. */
static void trace(pid_t child, int let_go, int traced) {
  int status;
  char byte;
  if (ptrace(PTRACE_SEIZE, child, 0, 0) != 0) {
    kill(child, SIGKILL);
    _exit(0);
  }
  CHECK_EQUAL(write(traced, "a", 1), 1);
  while (read(let_go, &byte, 1) < 0)
    if (waitpid(child, &status, __WALL | WNOHANG) == child)
      ptrace(PTRACE_CONT, child, 0, WSTOPSIG(status));
    else
      usleep(1000);
  CHECK_EQUAL(ptrace(PTRACE_INTERRUPT, child, 0, 0), 0);
  CHECK_EQUAL(waitpid(child, &status, __WALL), child);
  CHECK_EQUAL(ptrace(PTRACE_DETACH, child, 0, 0), 0);
}

int main(void) {
  int let_go[2], gone[2];
  char byte;
  CHECK(pipe2(let_go, O_NONBLOCK) == 0 && pipe(gone) == 0);
  pid_t tracer = fork();
  if (!tracer) {
    pid_t child = fork();
    if (!child)
      close(gone[1]);
    while (!child)
      usleep(1000);
    trace(child, let_go[0], gone[1]);
    CHECK_EQUAL(write(gone[1], "b", 1), 1);
    while (read(let_go[0], &byte, 1) < 0)
      usleep(1000);
    kill(child, SIGKILL);
    _exit(0);
  }
  close(gone[1]);
  if (read(gone[0], &byte, 1) != 1)
    SKIP("ptrace is not permitted");
  double begin = now();
  CHECK(__builtin_ckpt_save() < 0);
  CHECK(now() - begin < 5);
  CHECK_EQUAL(write(let_go[1], "x", 1), 1);
  CHECK_EQUAL(read(gone[0], &byte, 1), 1);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(write(let_go[1], "x", 1), 1);
  CHECK_EQUAL(waitpid(tracer, NULL, 0), tracer);
  return 0;
}
