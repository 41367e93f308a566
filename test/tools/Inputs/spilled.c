/* spilled.c - takes as many checkpoints as it is told, of so many pages, in
 * each of which one changed, says so after each, then kills itself when it is
 * to; continued, it looks whether its memory is what it was. */
#include <hwckptintrin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u

static unsigned seed = 1;

static void fill(unsigned char *page, unsigned version) {
  seed = version;
  for (unsigned i = 0; i < PAGE; i++) {
    seed = seed * 1664525 + 1013904223;
    page[i] = (unsigned char)(seed >> 24);
  }
}

static unsigned char expected[PAGE];

int main(int argc, char **argv) {
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1, good = 0;
  unsigned pages = argc > 2 ? (unsigned)atoi(argv[2]) : 512;
  unsigned char *memory = malloc((size_t)pages * PAGE);
  int result = 0;
  for (unsigned i = 0; i < pages; i++)
    fill(memory + (size_t)i * PAGE, 5000 + i);
  for (unsigned round = 0; round < rounds && result == 0; round++) {
    fill(memory + round * PAGE, 1000 + round);
    result = __builtin_ckpt_save();
    if (result == 0) {
      printf("%u\n", round + 1);
      fflush(stdout);
      if (argc > 3) /* for whom it goes on when something is done */
        getchar();
    }
    if (result == 0 && round + 1 == rounds)
      kill(getpid(), SIGKILL);
  }
  for (unsigned i = 0; i < pages; i++) {
    fill(expected, i < rounds ? 1000 + i : 5000 + i);
    good += memcmp(expected, memory + i * PAGE, PAGE) == 0;
  }
  printf("went on with %u of %u pages\n", good, pages);
  return good != pages;
}
