// A program with children, while checkpoints are taken: fork with and without
// exec, vfork, system, posix_spawn, popen. The children are no part of the
// checkpoint where they have no runtime, nor are pipes to them: after a restore
// there is none to wait for. A child that asks for a checkpoint in the moment
// in which its parent is killed says that nobody takes one any more, E233.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/killed-anywhere --options every=2ms:on_unsupported=warn --may-say=233 %hwckpt %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <errno.h>
#include <hwckptintrin.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
extern char **environ;
// Who restores is another parent.
static pid_t parent;
static int was_restored(void) {
  pid_t before = parent;
  parent = getppid();
  return parent != before;
}
static void ends(pid_t child, int wanted) {
  int status = -1;
  CHECK(child > 0);
  if (waitpid(child, &status, 0) == child) {
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
    return;
  }
  int number = errno;
  CHECK(number == ECHILD && was_restored());
}
static unsigned long compute(unsigned long x) {
  for (int i = 0; i < 50000; i++)
    x = x * 6364136223846793005UL + 1442695040888963407UL;
  return x;
}
static void forks(int value) {
  pid_t child = fork();
  if (child == 0) {
    // Its sites are those of the parent at the moment of the fork.
    if (compute(1) != compute(1) || hwckpt_request() < 0)
      _exit(99);
    if (value & 1)
      exit(value);
    _exit(value);
  }
  compute((unsigned long)value);
  ends(child, value);
}
static void forks_and_executes(void) {
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
    _exit(99);
  }
  ends(child, 5);
}
static void vforks(void) {
  pid_t child = vfork();
  if (child == 0) {
    execl("/bin/true", "true", (char *)NULL);
    _exit(99);
  }
  ends(child, 0);
}
static void spawns(void) {
  char *words[] = {"sh", "-c", "exit 6", NULL};
  pid_t child;
  CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, words, environ) == 0);
  ends(child, 6);
}
static void calls_system(void) {
  int status = system("exit 4");
  int number = errno;
  if (status == -1)
    CHECK(number == ECHILD && was_restored());
  else
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
}
static void reads_from_child(void) {
  char line[16] = "";
  FILE *stream = popen("echo text", "r");
  CHECK(stream);
  const char *got = fgets(line, sizeof line, stream);
  int status = pclose(stream), number = errno;
  if (status == -1)
    CHECK(number == ECHILD && was_restored());
  else
    CHECK(got && strcmp(line, "text\n") == 0 && status == 0);
}
int main(void) {
  parent = getppid();
  for (int round = 0; go_on(); round++) {
    was_restored();
    forks(round % 8);
    forks_and_executes();
    vforks();
    spawns();
    calls_system();
    reads_from_child();
  }
  return 7;
}
