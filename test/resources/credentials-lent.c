// A restore leaves the program no capabilities for what it executes that were
// not there before.
// RUN: %behaviour %s -pthread -o %t && %by_all sh -c '! %restored -- %t && %hwckpt restore'
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_int asked;
static char before[2][64];

/* What is inherited from the calling thread. */
static void read_sets(char lines[2][64]) {
  FILE *status = fopen("/proc/thread-self/status", "r");
  char line[256];
  unsigned count = 0;
  CHECK(status);
  while (fgets(line, sizeof line, status))
    if ((!strncmp(line, "CapInh", 6) || !strncmp(line, "CapAmb", 6)) &&
        count < 2)
      snprintf(lines[count++], 64, "%s", line);
  CHECK_EQUAL(count, 2);
  fclose(status);
}

static void are_as_before(void) {
  char now[2][64];
  read_sets(now);
  for (unsigned i = 0; i < 2; i++)
    if (strcmp(before[i], now[i])) {
      printf("%snow %s", before[i], now[i]);
      exit(1);
    }
}

static void *look(void *unused) {
  while (!atomic_load(&asked))
    sched_yield();
  are_as_before();
  return unused;
}

int main(void) {
  pthread_t thread;
  read_sets(before);
  CHECK(pthread_create(&thread, NULL, look, NULL) == 0);
  die_and_come_back();
  are_as_before();
  die_and_come_back();
  are_as_before();
  atomic_store(&asked, 1);
  CHECK(pthread_join(thread, NULL) == 0);
  return 0;
}
