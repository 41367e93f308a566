// Memory is of one moment: a thread that comes back in its save finds what it
// wrote before that save and nothing of after, however many threads save, write
// and save again at the same time.
// RUN: %behaviour %s -o %t && rm -f %t.once && %restored --name it -o keep=1000 -- %t %t.once
// RUN: for n in $(seq 40 65); do %hwckpt restore it/$n || exit 1; done
#include "once.h"
#include <pthread.h>
enum { THREADS = 5, PAGES = 64, PAGE = 4096 / sizeof(long) };
static _Alignas(4096) volatile long memory[THREADS][PAGES * PAGE];
static _Atomic int restored;
static void *works(void *argument) {
  volatile long *mine = memory[(long)argument];
  for (long round = 1; !restored; round++) {
    for (int page = 0; page < PAGES; page++)
      mine[page * PAGE] = round;
    int times = __builtin_ckpt_save();
    CHECK(times >= 0);
    for (int page = 0; page < PAGES; page++)
      CHECK_EQUAL(mine[page * PAGE], round);
    restored |= times > 0;
  }
  return NULL;
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, works, (void *)i);
  for (int i = 0; i < 80 && !restored; i++)
    restored |= __builtin_ckpt_save() > 0;
  if (!restored && !came_back())
    die_once(argv[1]);
  restored = 1;
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
