// Memory that checkpoints have had can be registered with a userfaultfd, while
// checkpoints are taken too, and after a restore; when it is registered no more
// it is checkpointed as any other.
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: %restored_by_all %t
// RUN: %restored_by_all -o method=cow -- %t
// RUN: %restored_by_all -o track=full -- %t
// RUN: %restored --every 2ms -- %t often
#include "faults.h"

enum { ROUNDS = 100 };
static int added[PAGES];

static void look(int first, int step) {
  for (int i = first; i < PAGES; i += step)
    for (int k = 0; k < PAGE; k += 1023)
      CHECK_EQUAL(memory[i * PAGE + k], (char)(content(i) + added[i]));
}

static void add(int first, int step) {
  for (int i = first; i < PAGES; i += step) {
    added[i]++;
    memset(memory + i * PAGE, content(i) + added[i], PAGE);
  }
}

// Again and again for half of it, which is in the middle; after a restore too.
static void often(void) {
  struct uffdio_api api = {.api = UFFD_API};
  const struct uffdio_range half = {(unsigned long)memory + PAGES / 4 * PAGE,
                                    PAGES / 2 * PAGE};
  for (int round = 0; round < ROUNDS; round++) {
    faults = open_faults(0);
    CHECK_EQUAL(ioctl(faults, UFFDIO_API, &api), 0);
    struct uffdio_register some = {half, UFFDIO_REGISTER_MODE_MISSING, 0};
    CHECK_EQUAL(ioctl(faults, UFFDIO_REGISTER, &some), 0);
    add(round % 7, 7);
    if (round % 2)
      CHECK_EQUAL(ioctl(faults, UFFDIO_UNREGISTER, &half), 0);
    CHECK_EQUAL(close(faults), 0);
    look(0, 1);
    if (round == ROUNDS / 2)
      die_and_come_back();
    CHECK(__builtin_ckpt_save() >= 0);
  }
}

int main(int argc, char **argv) {
  (void)argv;
  map_memory();
  add(0, 1);
  for (int round = 0; round < 2; round++) {
    CHECK(__builtin_ckpt_save() >= 0);
    add(round, 3);
  }
  if (argc == 2) {
    often();
    return 0;
  }
  begin(0, UFFDIO_REGISTER_MODE_MISSING);
  begin_serving();
  look(0, 1);
  CHECK_EQUAL(madvise(memory, PAGES / 2 * PAGE, MADV_DONTNEED), 0);
  memset(added, 0, PAGES / 2 * sizeof *added);
  look(0, 4);
  add(1, 8);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  add(3, 8);
  die_and_come_back();
  look(0, 1);
  for (int i = 0; i < PAGES; i++)
    CHECK_EQUAL(asked[i], i < PAGES / 2);
  return 0;
}
