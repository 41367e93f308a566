/* written FOLDER SEED: memory changes in every way that a tracker has to see,
 * at random, and the program is killed at random moments, each of which FOLDER
 * remembers. Prints a sum over all of it, which does not depend on that. With
 * FOLDER "-" it is not killed. */
#include "../../Inputs/behaviour.h"

#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096ul
#define PAGES 256ul
#define AREAS 4
#define STEPS 120
#define KILLS 2
#define FIRST 20 /* steps, in which there is a checkpoint */

static uint64_t state;
static const char *folder;
static char *areas[AREAS];
static unsigned kill_at[KILLS];
static uint64_t of_data = 1; /* in the executable's own pages */

static uint64_t random_number(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1dull;
}

static void die_once(unsigned step) {
  char marker[300];
  for (unsigned i = 0; i < KILLS; i++) {
    snprintf(marker, sizeof marker, "%s/killed-%u", folder, i);
    /* No loop: a checkpoint between the marker and the end would never go on.
     */
    if (kill_at[i] == step && *folder != '-' && first_time(marker))
      kill(getpid(), SIGKILL);
  }
}

static void change(char *area, uint64_t what) {
  char *page = area + random_number() % PAGES * PAGE;
  switch (what % 16) {
  case 0: /* gone: zeroes are to come back */
    CHECK(madvise(page, PAGE, MADV_DONTNEED) == 0);
    break;
  case 1: /* another mapping at the same place */
    CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
    page[7] = (char)random_number();
    break;
  case 2: /* a page moves away from under its name, and another one comes */
    CHECK(mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                 area + (page == area ? PAGE : 0)) != MAP_FAILED);
    CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
    break;
  case 3: /* written, then not writable, then writable */
    page[9] ^= (char)random_number();
    CHECK(mprotect(page, PAGE, PROT_READ) == 0);
    CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
    page[11] ^= 1;
    break;
  case 4: { /* by the kernel */
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && read(fd, page + 100, 200) == 200 && close(fd) == 0);
    break;
  }
  case 5:
    of_data = of_data * 31 + (uint64_t)page[1];
    break;
  default:
    for (unsigned i = 0; i < 8; i++)
      page[random_number() % PAGE] += (char)random_number();
  }
}

/* Not to be interrupted at every byte. */
__attribute__((hwckpt_nopoll, noinline)) static uint64_t
sum_of(const char *bytes, unsigned long length, uint64_t sum) {
  for (unsigned long at = 0; at < length; at++)
    sum = (sum ^ (unsigned char)bytes[at]) * 0x100000001b3ull;
  return sum;
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  folder = argv[1];
  state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ull | 1;
  for (unsigned i = 0; i < AREAS; i++) {
    areas[i] = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(areas[i] != MAP_FAILED);
  }
  for (unsigned i = 0; i < KILLS; i++)
    kill_at[i] = STEPS / KILLS * i + FIRST +
                 (unsigned)(random_number() % (STEPS / KILLS - FIRST));
  char *heap = malloc(PAGES * PAGE / 4);
  CHECK(heap);
  memset(heap, 3, PAGES * PAGE / 4);
  for (unsigned step = 0; step < STEPS; step++) {
    for (unsigned i = 0; i < 4; i++)
      change(areas[random_number() % AREAS], random_number());
    heap[random_number() % (PAGES * PAGE / 4)]++;
    die_once(step);
  }
  uint64_t sum = of_data;
  for (unsigned i = 0; i < AREAS; i++)
    sum = sum_of(areas[i], PAGES * PAGE, sum);
  sum = sum_of(heap, PAGES * PAGE / 4, sum);
  printf("sum %016llx\n", (unsigned long long)sum);
  return 0;
}
