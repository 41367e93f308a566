// While another process writes for the application (`hwckpt merge` does), a
// checkpoint waits, and the program runs; then it is taken, and nothing is
// said. Merging by hand all the time does not make one fail either.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread
// RUN: %python %S/Inputs/busy-cache %hwckpt %t
#include "Inputs/come-back.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { PAGES = 2048, PAGE = 4096 };
static unsigned memory[PAGES][PAGE / sizeof(unsigned)];
static atomic_ulong ticks;

static void *tick(void *unused) {
  (void)unused;
  for (;;) {
    atomic_fetch_add(&ticks, 1);
    usleep(1000);
  }
}

static void say(const char *word) {
  char answer;
  CHECK(write(1, word, strlen(word)) == (ssize_t)strlen(word));
  CHECK(read(0, &answer, 1) == 1);
}

/* A hundred checkpoints of some pages each. */
static void many(void) {
  unsigned state = 1;
  for (unsigned round = 0; round < 100; round++) {
    for (unsigned i = 0; i < 50 * PAGE / sizeof(unsigned); i++)
      memory[(round * 37 + i / (PAGE / sizeof(unsigned))) % PAGES]
            [i % (PAGE / sizeof(unsigned))] = state = state * 1664525 + round;
    save();
  }
}

int main(int count, char **arguments) {
  pthread_t thread;
  CHECK(count == 2 && !pthread_create(&thread, NULL, tick, NULL));
  save();
  if (!strcmp(arguments[1], "many")) {
    many();
  } else {
    say("locked?\n");
    unsigned long before = ticks;
    save();
    CHECK(ticks - before > 100);
  }
  die_and_come_back();
  return 7;
}
