// A program that writes the same pages again and again is captured without
// rounds before the stop: they would leave as much to it as there was, and put
// all of that on flash besides. Once it does something else there are rounds.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
enum { PAGES = 2000, PAGE = 4096, TRIES = 200 };
static char *memory;
static atomic_bool over;
static void write_all(void) {
  for (size_t i = 0; i < PAGES; i++)
    memory[i * PAGE]++;
}
static void *writer(void *unused) {
  while (!over)
    write_all();
  return unused;
}
static struct hwckpt_statistics last(void) {
  struct hwckpt_statistics statistics;
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
  return statistics;
}
static void await_rounds(bool some, void (*before)(void)) {
  for (int i = 0; i < TRIES; i++) {
    if (before)
      before();
    struct hwckpt_statistics statistics = last();
    if (statistics.pages_written > PAGES / 2 && !statistics.rounds == !some)
      return;
  }
  CHECK(!"rounds as expected");
}
int main(void) {
  pthread_t thread;
  CHECK((memory = malloc((size_t)PAGES * PAGE)) != NULL);
  write_all();
  last();
  CHECK_EQUAL(pthread_create(&thread, NULL, writer, NULL), 0);
  await_rounds(true, NULL);
  await_rounds(false, NULL);
  over = true;
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  await_rounds(true, write_all);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  char first = memory[0];
  die_and_come_back();
  for (size_t i = 0; i < PAGES; i++)
    CHECK_EQUAL(memory[i * PAGE], first);
  return 0;
}
