/* work_queue.c - threads that take items of work, and try those again that
 * fail.
 *
 *   clang -fhwckpt -pthread work_queue.c -o work_queue
 *   hwckpt run --rollback-on all -o rollback_scope=thread -- ./work_queue
 *
 * Some items fail when they are first tried, by a fault or a failed check, as a
 * flipped bit makes them fail: that thread alone goes back to where it took the
 * item. Others go on, and no checkpoint is needed. What fails three times
 * is given up. Each item has memory of its own that is put back too; what the
 * threads share they change only when an item is done.
 */
#include <hwckptintrin.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define THREADS 3
#define ITEMS 60

static _Atomic int next_item, done, given_up;
static _Atomic int tries[ITEMS];

/* Item 20 always fails, every fifth at first. */
static int compute(int item, int *scratch) {
  int try = atomic_fetch_add(&tries[item], 1);
  for (int i = 0; i < 100; i++)
    scratch[i] += item;
  if (item == 20 || (item % 5 == 0 && try == 0)) {
    int *volatile nowhere = NULL;
    *nowhere = 1;
  }
  hwckpt_check(item % 5 != 1 || try > 0);
  return scratch[99];
}

static void *work(void *unused) {
  int scratch[100];
  for (int item; (item = atomic_fetch_add(&next_item, 1)) < ITEMS;) {
    memset(scratch, 0, sizeof scratch);
    int n = hwckpt_thread_save(NULL);
    if (n < 0)
      return NULL;
    if (n == 3) {
      atomic_fetch_add(&given_up, 1);
      continue;
    }
    if (compute(item, scratch) == item)
      atomic_fetch_add(&done, 1);
  }
  hwckpt_thread_drop();
  return unused;
}

int main(void) {
  pthread_t threads[THREADS];
  struct hwckpt_statistics statistics;
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, NULL);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  hwckpt_statistics(&statistics, sizeof statistics);
  printf("%d items done, %d given up, threads went back %llu times\n", done,
         given_up, statistics.thread_rollbacks);
  return 0;
}
