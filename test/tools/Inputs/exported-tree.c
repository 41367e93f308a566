/* exported-tree.c - a process with two children, each of which adds what is in
 * its own memory to the numbers it is sent, and one that has ended. Takes a
 * checkpoint and kills all; continued, asks them, and takes another. */
#include <hwckptintrin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 2

static int to[CHILDREN][2], from[CHILDREN][2];
static pid_t children[CHILDREN];
static volatile int secret;

static void serve(int i) {
  int number;
  secret = 1000 * (i + 1);
  for (;;) {
    if (read(to[i][0], &number, sizeof number) != sizeof number)
      _exit(1);
    number += secret++;
    if (write(from[i][1], &number, sizeof number) != sizeof number)
      _exit(2);
  }
}

static int ask(int i, int number) {
  return write(to[i][1], &number, sizeof number) == sizeof number &&
                 read(from[i][0], &number, sizeof number) == sizeof number
             ? number
             : -1;
}

int main(void) {
  int status = 0;
  for (int i = 0; i < CHILDREN; i++) {
    if (pipe(to[i]) || pipe(from[i]))
      return 3;
    if (!(children[i] = fork()))
      serve(i);
  }
  pid_t ended = fork();
  if (!ended)
    _exit(7);
  siginfo_t info;
  waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT);
  int first = ask(0, 1) + ask(1, 1);
  int result = __builtin_ckpt_save();
  if (result < 0)
    return 4;
  if (result == 0) {
    for (int i = 0; i < CHILDREN; i++)
      kill(children[i], SIGKILL);
    kill(getpid(), SIGKILL);
  }
  if (__builtin_ckpt_save() < 0)
    return 5;
  printf("%d, %d, %d", first, ask(0, 2), ask(1, 3));
  waitpid(ended, &status, 0);
  printf(", ended %d\n", WEXITSTATUS(status));
  for (int i = 0; i < CHILDREN; i++) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
  return 0;
}
