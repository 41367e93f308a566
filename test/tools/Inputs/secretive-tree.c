/* secretive-tree.c - a process and its child, each with a mark in its memory
 * that is nowhere else in these words. Takes a checkpoint of both and kills
 * both; continued, each looks whether it has its mark, and takes another. */
#include <hwckptintrin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 65536
static volatile char memory[SIZE];

/* "MARK-IN-MEMORY", each letter one more. */
static const char shifted[] = "NBSL.JO.NFNPSZ";

static void mark(void) {
  for (size_t i = 0; i < SIZE; i++)
    memory[i] = (char)(shifted[i % 14] - 1);
}

static int holds(void) {
  for (size_t i = 0; i < SIZE; i++)
    if (memory[i] != (char)(shifted[i % 14] - 1))
      return 0;
  return 1;
}

static void on_term(int number) {
  (void)number;
  _exit(holds() ? 42 : 1);
}

int main(void) {
  int status, ready[2];
  char byte;
  if (pipe(ready))
    return 3;
  pid_t child = fork();
  mark();
  if (!child) {
    signal(SIGTERM, on_term);
    if (write(ready[1], "", 1) != 1)
      return 4;
    for (;;)
      pause();
  }
  if (read(ready[0], &byte, 1) != 1)
    return 5;
  int result = __builtin_ckpt_save();
  if (result < 0)
    return 6;
  if (result == 0) {
    kill(child, SIGKILL);
    kill(getpid(), SIGKILL);
  }
  if (__builtin_ckpt_save() < 0)
    return 7;
  kill(child, SIGTERM);
  waitpid(child, &status, 0);
  printf("parent %d, child %d\n", holds(), WEXITSTATUS(status));
  return 0;
}
