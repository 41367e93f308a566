// A program that takes hundreds of checkpoints: its deltas are merged while it
// runs, so that a restore reads few generations; old ones go by `keep` and by
// `quota`; and it comes back right, from a delta on what was merged. What turns
// out to be damaged meanwhile is not built on. Also `hwckpt merge` of what it
// left.
// RUN: %clang -fhwckpt -O2 %s -o %t
// RUN: %python %S/Inputs/merged-generations %hwckpt %t
#include "Inputs/come-back.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

enum { PAGES = 1024, PAGE = 4096, ROUNDS = 150 };

/* Does not shrink when it is coded. */
static unsigned memory[PAGES][PAGE / sizeof(unsigned)];
static unsigned state = 1;

static unsigned next(void) {
  state = state * 1664525 + 1013904223;
  return state >> 8;
}

static void fill(unsigned page) {
  for (unsigned i = 0; i < PAGE / sizeof(unsigned); i++)
    memory[page][i] = next();
}

static unsigned long sum(void) {
  unsigned long sum = 0;
  for (unsigned page = 0; page < PAGES; page++)
    for (unsigned i = 0; i < PAGE / sizeof(unsigned); i++)
      sum = sum * 31 + memory[page][i];
  return sum;
}

/* Of a file of the cache. */
static void damage(const char *path) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  CHECK(file >= 0 && pwrite(file, "damage", 6, 30) == 6 && close(file) == 0);
}

int main(int count, char **arguments) {
  CHECK(count == 2 || count == 3);
  int rest = strcmp(arguments[1], "rests") == 0;
  for (unsigned page = 0; page < PAGES; page++)
    fill(page);
  int restored = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    for (unsigned i = 0; i < 20; i++)
      fill(next() % PAGES);
    unsigned long before = sum();
    int saved = save();
    CHECK(sum() == before);
    restored |= saved;
    if (count == 3 && round == 5)
      damage(arguments[2]);
    struct timespec pause = {0, 10000000};
    if (rest)
      nanosleep(&pause, NULL);
  }
  if (!restored)
    kill(getpid(), SIGKILL);
  printf("%lx\n", sum());
  return 7;
}
