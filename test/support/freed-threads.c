// Threads that never stop allocating and freeing, in the middle of malloc and
// in signal handlers upon it, through many checkpoints: after a restore
// all they hold is whole, and so is malloc.
// RUN: %behaviour -I%S/Inputs %s -o %t && for method in stop precopy cow; do %restored -o method=$method -o unused=heap+stacks -- %t || exit 1; done
#include "freed.h"

#include <stdatomic.h>
#include <sys/time.h>

enum { THREADS = 3, HELD = 64, SAVES = 15 };
static atomic_int over, rounds;

static void on_alarm(int number) {
  (void)number;
  for (volatile int i = 0; i < 2000; i++)
    ;
}

static void *work(void *context) {
  unsigned char *held[HELD] = {0};
  unsigned random = (unsigned)(size_t)context * 7919 + 1, block[HELD];
  while (!atomic_load(&over)) {
    random = random * 1103515245 + 12345;
    unsigned i = random >> 16 & (HELD - 1);
    size_t size = held[i] ? freed_size(block[i]) : 0;
    if (held[i] && random >> 28 < 4) {
      held[i] = realloc(held[i], size * 2);
      freed_expect(held[i], block[i], size < 600 ? size : 600);
    }
    if (held[i])
      CHECK_EQUAL(held[i][size - 1], freed_byte(block[i], size - 1));
    free(held[i]);
    block[i] = random >> 20;
    size = freed_size(block[i]);
    held[i] = random >> 30 ? malloc(size) : calloc(1, size);
    for (size_t k = 0; random >> 30 == 0 && k < size; k += 61)
      CHECK_EQUAL(held[i][k], 0);
    freed_fill(held[i], block[i], size < 600 ? size : 600);
    held[i][size - 1] = (unsigned char)freed_byte(block[i], size - 1);
    atomic_fetch_add(&rounds, 1);
  }
  for (unsigned i = 0; i < HELD; i++)
    free(held[i]);
  return NULL;
}

static void wait_for_rounds(int more) {
  for (int wanted = atomic_load(&rounds) + more; atomic_load(&rounds) < wanted;)
    sched_yield();
}

int main(void) {
  pthread_t threads[THREADS];
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  struct itimerval often = {{0, 700}, {0, 700}};
  sigaction(SIGALRM, &action, NULL);
  for (size_t i = 0; i < THREADS; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, work, (void *)i), 0);
  setitimer(ITIMER_REAL, &often, NULL);
  for (int i = 0; i < SAVES; i++) {
    wait_for_rounds(50);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  }
  die_and_come_back();
  wait_for_rounds(1000);
  atomic_store(&over, 1);
  for (size_t i = 0; i < THREADS; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  return 0;
}
