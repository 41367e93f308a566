/* secretive.c FILE - has a mark in its memory, its environment and a file that
 * it changes, which is nowhere else in these words; takes checkpoints, and kills
 * itself once in each of its lives but the last. */
#include <hwckptintrin.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (12u << 20) /* enough to be loaded while the program runs */
#define LIVES 3

/* "MARK-IN-MEMORY", each letter one more. */
static const char shifted[] = "NBSL.JO.NFNPSZ";

static void mark(char *at) {
  for (size_t i = 0; i < sizeof shifted - 1; i++)
    at[i] = (char)(shifted[i] - 1);
}

static int holds(const char *at) {
  for (size_t i = 0; i < sizeof shifted - 1; i++)
    if (at[i] != (char)(shifted[i] - 1))
      return 0;
  return 1;
}

int main(int argc, char **argv) {
  char *memory = malloc(SIZE);
  unsigned long random = 88172645463325252ul, good = 0;
  int file = open(argv[1], O_WRONLY);
  if (argc < 2 || file < 0)
    return 3;
  for (size_t i = 0; i < SIZE; i += sizeof random) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    memcpy(memory + i, &random, sizeof random);
  }
  for (size_t i = 100; i < SIZE; i += 4096)
    mark(memory + i);
  for (int life = 1; life <= LIVES; life++) {
    if (__builtin_ckpt_save() < 0)
      return 4;
    if (pwrite(file, "changed", 7, 4096 * life) != 7)
      return 5;
    memory[life] = (char)life;
    if (__builtin_ckpt_save() == 0 && life < LIVES)
      kill(getpid(), SIGKILL);
  }
  for (size_t i = 100; i < SIZE; i += 4096)
    good += (unsigned long)holds(memory + i);
  printf("%lu marks, %d %d %d\n", good, memory[1], memory[2], memory[3]);
  return good != SIZE / 4096;
}
