// A thread rolls back while others take checkpoints, and a timer does: the
// program always goes on from one of them, and none holds a rollback under way.
// RUN: %behaviour %s -o %t && HWCKPT_OPTIONS=every=20ms:files=keep %t %t.counter
#include "behaviour.h"
#include <pthread.h>
#include <sys/mman.h>

#define THREADS 3

/* Written together, so that half a rollback shows. */
static volatile long first[THREADS], second[THREADS][1024];

static void *save(void *argument) {
  long own = (long)argument;
  for (;;) {
    CHECK_EQUAL(first[own], second[own][own * 300]);
    first[own]++;
    second[own][own * 300]++;
    int n = __builtin_ckpt_save();
    CHECK(n >= 0);
    /* A checkpoint between the count and the load: it is rolled back to for
     * ever.
     */
    if (n > 1000)
      _exit(0);
  }
}

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  pthread_t thread;
  int file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK_EQUAL(ftruncate(file, 4096), 0);
  /* Not rolled back. */
  volatile int *count =
      mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  for (long i = 0; i < THREADS; i++)
    CHECK_EQUAL(pthread_create(&thread, 0, save, (void *)i), 0);
  for (;;) {
    usleep(3000);
    if (++*count > 30)
      return 0; /* The file stays: the others may still save. */
    CHECK_EQUAL(__builtin_ckpt_load(), -ENOENT);
  }
}
