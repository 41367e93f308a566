/* watch-heap.c - memory that no rule can name, as a block of the heap: the
 * program has it watched itself. 8 bytes take a debug register, more are
 * watched by protection of their pages.
 *
 *   clang -fhwckpt watch-heap.c -o watch-heap
 *   ./watch-heap
 */
#include <hwckpt.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  size_t size = 1000 * sizeof(double);
  struct hwckpt_statistics now;
  double *table = calloc(1, size);
  if (!table || hwckpt_watch(table, size) < 0)
    return 1;
  table[500] = 0.5;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  hwckpt_unwatch(table, size); /* before it is freed */
  printf("a checkpoint for %.1f\n", table[500]);
  free(table);
  return 0;
}
