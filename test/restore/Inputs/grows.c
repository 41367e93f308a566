/* grows HOW - a checkpoint that fits where it is written, then one that
 * does not: it fails, and nothing else happens. HOW is what comes then:
 *
 *   dies        it kills itself, and comes back from the first
 *   shrinks     it gives its memory back: the next checkpoint fits again; there
 *               it kills itself
 *   ends        it goes on to its end
 *   waits       likewise, and before the second checkpoint its standard input
 *               must have ended */
#include "come-back.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALL = 128 << 10, LARGE = 16 << 20 };

static void fill(unsigned char *memory, int size, unsigned long seed) {
  for (int i = 0; i < size; i++) {
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    memory[i] = (unsigned char)(seed >> 56);
  }
}

static void holds(const unsigned char *memory, int size, unsigned long seed) {
  for (int i = 0; i < size; i++) {
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    CHECK(memory[i] == (unsigned char)(seed >> 56));
  }
}

static unsigned char *map(int size) {
  unsigned char *memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  const char *how = arguments[1];
  unsigned char *small = map(SMALL);
  fill(small, SMALL, 1);
  int restored = save();
  holds(small, SMALL, 1);
  if (restored)
    return 7;
  char byte;
  CHECK(strcmp(how, "waits") != 0 || read(0, &byte, 1) == 0);
  unsigned char *large = map(LARGE);
  fill(large, LARGE, 2);
  fill(small, SMALL, 3);
  CHECK(__builtin_ckpt_save() == -EIO);
  holds(large, LARGE, 2);
  holds(small, SMALL, 3);
  CHECK(munmap(large, LARGE) == 0);
  if (strcmp(how, "dies") == 0)
    kill(getpid(), SIGKILL);
  if (strcmp(how, "shrinks") == 0) {
    die_and_come_back();
    holds(small, SMALL, 3);
  }
  return 7;
}
