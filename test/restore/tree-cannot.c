// Checkpoints of several processes that cannot be taken: each refusal is an
// error of the call, said once and not by every member, and the program goes
// on; when what was in the way is gone the next one is taken.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run -- %t foreign 2> %t.foreign
// RUN: test $(grep -c HWCKPT-E230 %t.foreign) = 1 && grep -q 'E230.*(sleep)' %t.foreign
// RUN: %hwckpt run -- %t shares 2> %t.shares
// RUN: test $(grep -c HWCKPT-E234 %t.shares) = 1
#include "behaviour.h"
#include <signal.h>
#include <sys/wait.h>
static pid_t forked(int shares) {
  long child =
      syscall(SYS_clone, SIGCHLD | (shares ? CLONE_FILES : 0), 0, 0, 0, 0);
  CHECK(child >= 0);
  return (pid_t)child;
}
/* Not by way of libc, which hands the runtime on. */
static void run_foreign(void) {
  char *words[] = {"sleep", "100", NULL}, *none[] = {NULL};
  syscall(SYS_execve, "/bin/sleep", words, none);
  _exit(1);
}
static void end(pid_t child) {
  kill(child, SIGKILL);
  CHECK(waitpid(child, NULL, 0) == child);
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  pid_t other = fork(), child;
  int begins[2];
  if (!other)
    for (;;)
      pause();
  CHECK(__builtin_ckpt_save() == 0);
  CHECK(pipe2(begins, O_CLOEXEC) == 0);
  child = forked(!strcmp(argv[1], "shares"));
  if (!child) {
    if (!strcmp(argv[1], "foreign"))
      run_foreign();
    for (;;)
      pause();
  }
  /* Until it has executed it is a process like others. */
  if (!strcmp(argv[1], "foreign")) {
    CHECK(close(begins[1]) == 0);
    CHECK_EQUAL(read(begins[0], &(char){0}, 1), 0);
  }
  CHECK(__builtin_ckpt_save() < 0);
  end(child);
  CHECK(__builtin_ckpt_save() == 0);
  end(other);
  return 0;
}
