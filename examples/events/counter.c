/* counter.c - a checkpoint for each 20,000 page faults. With a processor that
 * shows its counters `llc=1M,misses`, `instructions=1G` or `perf=cycles,1G` are
 * no different.
 *
 *   clang -fhwckpt counter.c -o counter
 *   hwckpt run --on perf=page-faults,20k -- ./counter
 */
#include <hwckptintrin.h>
#include <stdio.h>
#include <sys/mman.h>

int main(void) {
  struct hwckpt_statistics now;
  size_t size = 1 << 22;
  unsigned rounds = 0;
  do {
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(pages, size, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < size; at += 4096)
      pages[at] = 1;
    munmap(pages, size);
    rounds++;
    hwckpt_statistics(&now, sizeof now);
  } while (now.checkpoints < 1);
  printf("a checkpoint after about %u faults\n", rounds * 1024);
  return 0;
}
