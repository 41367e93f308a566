// A device that takes 8 MB/s, of a program that changes ten times as much: its
// checkpoints are as far apart as the device makes them, and it does not stand
// still while they are written; after SIGKILL it comes back.
// REQUIRES: root
// RUN: %clang -fhwckpt -O2 %s -o %t
// RUN: %python %S/Inputs/slow-flash %hwckpt %t
#include "Inputs/come-back.h"

#include <time.h>

enum { PAGES = 1024, PAGE = 4096, EACH = 20, SECONDS = 6 };

static volatile unsigned memory[PAGES][PAGE / sizeof(unsigned)];
static unsigned state = 1;

static unsigned next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

/* Of the world, which a restore does not set back. */
static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* No page is as any other. */
static void change(unsigned pages) {
  for (unsigned i = 0; i < pages; i++)
    for (unsigned page = next() % PAGES, word = 0;
         word < PAGE / sizeof(unsigned); word++)
      memory[page][word] = next();
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  double begin = now(), last = begin, longest = 0;
  while (last < begin + SECONDS) {
    change(EACH);
    usleep(1000);
    double time = now();
    longest = time - last > longest ? time - last : longest;
    last = time;
  }
  if (!access(arguments[1], F_OK))
    return 7; /* this is after the kill */
  printf("%f\n", longest);
  fflush(stdout);
  kill(getpid(), SIGKILL);
}
