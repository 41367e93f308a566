// One process of a tree is killed while it is restored, at any of its steps
// until it runs: none of the others goes on or is left, it is said which it
// was, and the generation can be restored as before. REQUIRES: root
// RUN: %behaviour %s -o %t && %clang -O1 -Wall -Werror %S/Inputs/kill-member.c -o %t.kill
// RUN: %python %S/Inputs/member-killed.py %hwckpt %t %t.kill
#include "behaviour.h"
#include <sys/prctl.h>
#include <sys/wait.h>
static int ends[2];
/* From here on it runs. */
static _Noreturn void runs(void) {
  char byte;
  close(ends[1]);
  long made = read(ends[0], &byte, 1);
  syscall(SYS_getpgrp);
  _exit(made == 1 ? 5 : 6);
}
int main(int argc, char **argv) {
  int status, to[2];
  pid_t orphan = 0;
  CHECK(argc == 1 && *argv && pipe(ends) == 0 && pipe(to) == 0);
  pid_t child = fork();
  if (!child)
    runs();
  /* One that was left by who made it. */
  pid_t maker = fork();
  if (!maker) {
    orphan = fork();
    if (!orphan)
      runs();
    CHECK(write(to[1], &orphan, sizeof orphan) == sizeof orphan);
    _exit(0);
  }
  CHECK(waitpid(maker, &status, 0) == maker);
  CHECK(read(to[0], &orphan, sizeof orphan) == sizeof orphan);
  printf("%d %d %d\n", getpid(), child, orphan);
  fflush(stdout);
  if (!came_back()) {
    kill(child, SIGKILL);
    kill(orphan, SIGKILL);
    die();
  }
  CHECK_EQUAL(write(1, "goes on\n", 8), 8);
  CHECK_EQUAL(write(ends[1], "xx", 2), 2);
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5);
  syscall(SYS_getpgrp);
  return 0;
}
