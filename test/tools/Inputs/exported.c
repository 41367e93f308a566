/* exported.c - takes two checkpoints, then kills itself; continued, it looks
 * whether its memory is what it was. */
#include <hwckptintrin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUMS 100
#define SIZE 4096

int main(void) {
  unsigned char *memory = malloc(SUMS * SIZE);
  unsigned good = 0;
  for (unsigned i = 0; i < SUMS * SIZE; i++)
    memory[i] = (unsigned char)(i * 31 + i / SIZE);
  __builtin_ckpt_save();
  for (unsigned i = 0; i < SUMS; i++)
    memory[i * SIZE] = (unsigned char)(i + 1);
  if (__builtin_ckpt_save() == 0)
    kill(getpid(), SIGKILL);
  for (unsigned i = 0; i < SUMS; i++)
    good += memory[i * SIZE] == i + 1 &&
            memory[i * SIZE + 1] == (unsigned char)((i * SIZE + 1) * 31 + i);
  printf("went on with %u sums\n", good);
  return good != SUMS;
}
