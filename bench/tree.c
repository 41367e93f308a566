/* tree FILE PROCESSES MIB PERCENT one|all - a program of so many processes for
 * bench/run tree.
 *
 * The first fills its memory with what does not compress and forks the others,
 * each of which changes so many percent of the pages. Then the first, or all of
 * them, compute and write one page after the other, until they are killed. FILE
 * is shared with who measures: when all have come so far the first counts its
 * steps there, and notes the largest gap between two of them.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define WRITTEN 64u /* pages that are written again and again */

struct noted {
  volatile uint64_t steps, gap_ns;
};

static uint64_t next_number(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void fill_page(unsigned char *page, uint64_t *state) {
  for (size_t i = 0; i < PAGE / sizeof(uint64_t); i++)
    ((uint64_t *)(void *)page)[i] = next_number(state);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void compute(unsigned char *memory, size_t pages, uint64_t *state,
                    struct noted *noted) {
  uint64_t before = now_ns();
  for (size_t at = 0;; at = (at + 1) % (pages < WRITTEN ? pages : WRITTEN)) {
    uint64_t sum = 0;
    for (int i = 0; i < 20000; i++)
      sum += next_number(state);
    memory[at * PAGE] = (unsigned char)sum;
    if (!noted)
      continue;
    uint64_t now = now_ns();
    if (now - before > noted->gap_ns)
      noted->gap_ns = now - before;
    before = now;
    noted->steps++;
  }
}

int main(int argc, char **argv) {
  if (argc != 6)
    return 2;
  int processes = atoi(argv[2]), ready[2], all = !strcmp(argv[5], "all");
  size_t pages = strtoul(argv[3], NULL, 10) * 256;
  size_t changed = pages * strtoul(argv[4], NULL, 10) / 100;
  uint64_t state = 88172645463325252u;
  int file = open(argv[1], O_RDWR | O_CLOEXEC);
  struct noted *noted =
      mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  unsigned char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (noted == MAP_FAILED || memory == MAP_FAILED || pipe(ready) < 0)
    return 1;
  for (size_t i = 0; i < pages; i++)
    fill_page(memory + i * PAGE, &state);
  for (int i = 1; i < processes; i++) {
    pid_t child = fork();
    if (child < 0)
      return 1;
    if (child > 0)
      continue;
    state += (uint64_t)i * 7919;
    for (size_t page = 0; page < changed; page++)
      fill_page(memory + (next_number(&state) % pages) * PAGE, &state);
    if (write(ready[1], "", 1) != 1)
      return 1;
    while (!all)
      pause();
    compute(memory, pages, &state, NULL);
  }
  for (int i = 1; i < processes; i++) {
    char one;
    if (read(ready[0], &one, 1) != 1)
      return 1;
  }
  compute(memory, pages, &state, noted);
}
