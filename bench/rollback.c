/* rollback.c - writes so many pages of its memory since its checkpoint, and is
 * rolled back, again and again.
 *
 *   rollback MIB ROUNDS PAGES...
 *
 * Prints "PAGES MICROSECONDS" of each rollback, from the call until the program
 * goes on. What it counts with is what the save returns: all else is rolled
 * back. The time of the call goes through a pipe, which is not.
 */
#include <hwckptintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fprintf(stderr, "usage: rollback MIB ROUNDS PAGES...\n"), 2;
  size_t bytes = strtoul(argv[1], NULL, 10) << 20;
  int rounds = atoi(argv[2]), last = rounds * (argc - 3);
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return 1;
  for (size_t i = 0; i < bytes; i += 64)
    *(size_t *)(void *)(memory + i) = i * 2654435761u;
  int n = __builtin_ckpt_save();
  long long end = now_ns();
  if (n < 0)
    return fprintf(stderr, "no checkpoint: %d\n", n), 1;
  char text[64];
  if (n > 0) {
    int length = snprintf(text, sizeof text, " %lld\n", end);
    if (write(1, text, (size_t)length) != length)
      return 1;
  }
  if (n == last)
    return 0;
  size_t pages = strtoul(argv[3 + n / rounds], NULL, 10);
  size_t step = pages ? bytes / 4096 / pages : 0;
  for (size_t i = 0; i < pages; i++)
    memory[i * step * 4096] ^= 1;
  int length = snprintf(text, sizeof text, "%zu %lld", pages, now_ns());
  if (write(1, text, (size_t)length) != length)
    return 1;
  return __builtin_ckpt_load();
}
