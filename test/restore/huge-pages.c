// Memory in transparent huge pages that is partly written between checkpoints.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/come-back %hwckpt 2 7 %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, HUGE = 2 << 20, SIZE = 4 * HUGE };
static char *memory;
static unsigned char expected[SIZE / PAGE];
static void fill(int page, int value) {
  memset(memory + (size_t)page * PAGE, value, PAGE);
  expected[page] = (unsigned char)value;
}
static void same(void) {
  for (int page = 0; page < SIZE / PAGE; page++)
    for (int i = 0; i < PAGE; i += 128)
      CHECK((unsigned char)memory[(size_t)page * PAGE + (size_t)i] ==
            expected[page]);
}
static int in_huge_pages(void) {
  char line[256];
  int found = 0;
  FILE *maps = fopen("/proc/self/smaps", "r");
  while (maps && fgets(line, sizeof line, maps))
    found |= strncmp(line, "AnonHugePages:", 14) == 0 && atoi(line + 14) > 0;
  if (maps)
    fclose(maps);
  return found;
}
int main(void) {
  char *room = mmap(NULL, SIZE + HUGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(room != MAP_FAILED);
  memory = (char *)(((uintptr_t)room + HUGE - 1) / HUGE * HUGE);
  if (madvise(memory, SIZE, MADV_HUGEPAGE) != 0)
    return puts("SKIP: no transparent huge pages"), 77;
  for (int page = 0; page < SIZE / PAGE; page++)
    fill(page, 1 + page % 250);
  if (!in_huge_pages())
    return puts("SKIP: no huge page to be had"), 77;
  save();
  for (int page = 3; page < SIZE / PAGE; page += 171)
    fill(page, 255);
  save();
  fill(600, 0);
  CHECK(madvise(memory + HUGE, 100 * PAGE, MADV_DONTNEED) == 0);
  memset(expected + HUGE / PAGE, 0, 100);
  die_and_come_back();
  same();
  CHECK(madvise(memory, SIZE, MADV_HUGEPAGE) == 0);
  save();
  for (int page = 512; page < 1536; page++)
    fill(page, 7);
  CHECK(madvise(memory + 2 * HUGE, HUGE, MADV_DONTNEED) == 0);
  memset(expected + 2 * HUGE / PAGE, 0, HUGE / PAGE);
  fill(1030, 'x');
  save();
  fill(2000, 'y');
  die_and_come_back();
  same();
  return 7;
}
