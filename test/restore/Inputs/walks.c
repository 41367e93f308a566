// Holds MIB, takes a checkpoint and dies; restored, it says so, then reads all
// from end to end, says whether it is as it was, and ends with its input. With
// "fork" it forks before, and the child does the same; with "deltas" that is
// not its first checkpoint.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static uint64_t sum(const uint64_t *words, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += words[i] * (i | 1);
  return sum;
}
int main(int count, char **arguments) {
  size_t words = (size_t)atol(arguments[1]) << 17;
  uint64_t *memory = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint64_t random = 88172645463325252ull;
  if (memory == MAP_FAILED)
    return 1;
  for (size_t i = 0; i < words; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    memory[i] = i & 3 ? i >> 9 : random;
  }
  const char *also = count > 2 ? arguments[2] : "";
  for (size_t i = 0; i < 3 && !strcmp(also, "deltas"); i++) {
    if (__builtin_ckpt_save() != 0)
      return 8;
    for (size_t at = i; at < words / 4; at += 512)
      memory[at]++;
  }
  uint64_t before = sum(memory, words);
  if (__builtin_ckpt_save() == 0)
    raise(SIGKILL);
  dprintf(1, "back\n");
  pid_t child = strcmp(also, "fork") ? 0 : fork();
  if (sum(memory, words) != before)
    dprintf(1, "WRONG\n");
  if (child > 0)
    waitpid(child, NULL, 0);
  dprintf(1, "whole\n");
  for (char byte; read(0, &byte, 1) > 0;)
    ;
  return 7;
}
