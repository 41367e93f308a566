/* regions.c - saves what it needs of its memory, or all of it.
 *
 *   regions MIB SHARE ROUNDS region|whole
 *
 * Of MIB memory, all of which it writes in each round, a part in SHARE is what
 * it would need to go on. Prints the microseconds of each save, until it is
 * durable.
 */
#include <hwckptintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

int main(int argc, char **argv) {
  if (argc != 5)
    return fprintf(stderr, "usage: regions MIB SHARE ROUNDS region|whole\n"), 2;
  size_t count = (strtoul(argv[1], NULL, 10) << 20) / sizeof(double);
  size_t needed = count / strtoul(argv[2], NULL, 10);
  int rounds = atoi(argv[3]), regions = !strcmp(argv[4], "region");
  double *memory = mmap(NULL, count * sizeof *memory, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED ||
      hwckpt_region("state", "needed", memory, needed, HWCKPT_DOUBLE) < 0)
    return 1;
  unsigned long long random = 88172645463325252ull;
  for (int round = 0; round < rounds; round++) {
    for (size_t i = 0; i < count; i++) {
      random ^= random << 13;
      random ^= random >> 7;
      memory[i] = (double)(random >> 20) * 1e-9 + round;
    }
    double begin = now_us();
    int result = regions ? hwckpt_region_save("state") : __builtin_ckpt_save();
    if (result < 0)
      return fprintf(stderr, "not saved: %d\n", result), 1;
    printf("%.1f\n", now_us() - begin);
  }
  return 0;
}
