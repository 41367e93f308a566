/* pressure.c - a checkpoint when processors are short: threads of the machine
 * waited for one for 50 ms of 2 s. `pressure=memory,some,150ms/2s` is that of
 * memory.
 *
 *   clang -fhwckpt -pthread pressure.c -o pressure
 *   hwckpt run --on pressure=cpu,some,50ms/2s -- ./pressure
 */
#include <hwckptintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *work(void *unused) {
  struct hwckpt_statistics now;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  return unused;
}

int main(void) {
  pthread_t threads[256];
  long count = 2 * sysconf(_SC_NPROCESSORS_ONLN);
  count = count < 256 ? count : 256;
  for (long i = 0; i < count; i++)
    pthread_create(&threads[i], NULL, work, NULL);
  for (long i = 0; i < count; i++)
    pthread_join(threads[i], NULL);
  printf("%ld threads were too many\n", count);
  return 0;
}
