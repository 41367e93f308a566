// In a program with so much memory that its settings are read only when they
// may have changed, memory that came in the place of other memory has none of
// its settings, and what stayed has them.
// RUN: %behaviour %s -o %t && %S/../Inputs/restored-by-all %hwckpt -- %t
#include "behaviour.h"
#include "memory_flags.h"

#include <sys/mman.h>

enum { MANY = 192 << 20, SIZE = 4 << 20, PAGE = 4096 };

static char *map(char *where, size_t size) {
  char *memory =
      mmap(where, size, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 'x', size);
  return memory;
}

/* By itself: no neighbour has the same protection. */
static char *map_alone(void) {
  char *memory = map(NULL, SIZE + 2 * PAGE);
  CHECK(mprotect(memory, PAGE, PROT_NONE) == 0);
  CHECK(mprotect(memory + PAGE + SIZE, PAGE, PROT_NONE) == 0);
  return memory + PAGE;
}

/* Large enough for rounds, in each checkpoint. */
static void save(char *many, int round) {
  memset(many, round, MANY / 8);
  CHECK(__builtin_ckpt_save() >= 0);
}

int main(void) {
  char *many = map(NULL, MANY);
  char *replaced = map_alone(), *stays = map_alone();
  CHECK(madvise(replaced, SIZE, MADV_DONTDUMP) == 0);
  CHECK(madvise(stays, SIZE, MADV_DONTDUMP) == 0);
  for (int round = 0; round < 3; round++)
    save(many, round);
  CHECK(munmap(replaced, SIZE) == 0);
  CHECK(map(replaced, SIZE) == replaced);
  for (int round = 3; round < 6; round++)
    save(many, round);
  CHECK(memory_has(replaced, " dd") == 0);
  CHECK(memory_has(stays, " dd") == 1);
  die_and_come_back();
  CHECK(memory_has(replaced, " dd") == 0);
  CHECK(memory_has(stays, " dd") == 1);
  puts("settings are those of the memory that is there");
  return 0;
}
