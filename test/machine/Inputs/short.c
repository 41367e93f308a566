/* short FOLDER MIB - has so much memory, more than the machine gives it at once: some of
 * it is swapped out when checkpoints are taken. Then it is killed, and when it has come
 * back it takes memory until it is killed for that. */
#include "../../Inputs/behaviour.h"

#include <sys/mman.h>

#define PAGE 4096ul

static unsigned long pages;
static unsigned char *memory;

static void fill(unsigned round, unsigned long step) {
  for (unsigned long i = 0; i < pages; i += step) {
    unsigned long *page = (unsigned long *)(void *)(memory + i * PAGE);
    for (unsigned k = 0; k < 8; k++)
      page[k * 60] = (i * 8 + k) * 0x9e3779b97f4a7c15ul + round;
  }
}

static void look(unsigned round, unsigned long step) {
  for (unsigned long i = 0; i < pages; i++) {
    const unsigned long *page =
        (const unsigned long *)(const void *)(memory + i * PAGE);
    unsigned long of = i % step == 0 ? round : 1;
    for (unsigned k = 0; k < 8; k++)
      CHECK_EQUAL(page[k * 60], (i * 8 + k) * 0x9e3779b97f4a7c15ul + of);
  }
}

static long swapped_kib(void) {
  char line[256];
  long found = 0;
  FILE *status = fopen("/proc/self/status", "r");
  CHECK(status);
  while (fgets(line, sizeof line, status))
    sscanf(line, "VmSwap: %ld", &found);
  fclose(status);
  return found;
}

static void take_all(void) {
  for (;;) {
    char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more != MAP_FAILED)
      memset(more, 1, 1 << 20);
  }
}

int main(int argc, char **argv) {
  char marker[300];
  CHECK(argc == 3);
  pages = strtoul(argv[2], NULL, 10) << 8;
  memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  fill(1, 1);
  dprintf(1, "swapped %ld KiB\n", swapped_kib());
  CHECK(__builtin_ckpt_save() >= 0);
  fill(2, 7); /* a delta, of pages that are partly in the swap */
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  snprintf(marker, sizeof marker, "%s/killed", argv[1]);
  if (first_time(marker))
    kill(getpid(), SIGKILL);
  look(2, 7);
  dprintf(1, "all there\n");
  CHECK(__builtin_ckpt_save() >= 0);
  snprintf(marker, sizeof marker, "%s/took", argv[1]);
  if (first_time(marker))
    take_all();
  look(2, 7);
  dprintf(1, "ended\n");
  return 0;
}
