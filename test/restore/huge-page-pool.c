// Memory of huge pages (MAP_HUGETLB) comes back as that, with its protections;
// the checkpoint takes no page from the pool that the program did not.
// RUN: %behaviour %s -o %t && %S/Inputs/with-huge-pages 10 %restored_by_all -- %t
#include "behaviour.h"
#include <sys/mman.h>
enum { HUGE = 2 << 20 };
static char *map(size_t size, int flags) {
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);
  if (memory == MAP_FAILED)
    SKIP("no huge pages");
  return memory;
}
/* A figure of smaps for the mapping at an address. */
static long kilobytes(const void *at, const char *key) {
  char line[4096], begin[32];
  long value = -1;
  int here = 0;
  FILE *maps = fopen("/proc/self/smaps", "r");
  snprintf(begin, sizeof begin, "%lx-", (unsigned long)at);
  while (maps && value < 0 && fgets(line, sizeof line, maps)) {
    here |= strncmp(line, begin, strlen(begin)) == 0;
    if (here && strncmp(line, key, strlen(key)) == 0)
      value = atol(line + strlen(key));
  }
  CHECK(maps && fclose(maps) == 0);
  return value;
}
int main(void) {
  char *memory = map(4 * HUGE, MAP_PRIVATE);
  char *sparse = map(64l * HUGE, MAP_PRIVATE | MAP_NORESERVE);
  memset(memory, 'a', HUGE);
  memory[3 * HUGE - 1] = 'z';
  sparse[5 * HUGE + 4096] = 's';
  CHECK(mprotect(memory, HUGE, PROT_READ) == 0);
  CHECK(came_back() == 0);
  memory[2 * HUGE] = 'w';
  die_and_come_back();
  CHECK_EQUAL(kilobytes(memory, "KernelPageSize:"), HUGE / 1024);
  CHECK_EQUAL(kilobytes(sparse, "KernelPageSize:"), HUGE / 1024);
  CHECK_EQUAL(kilobytes(sparse, "Private_Hugetlb:"), HUGE / 1024);
  for (int i = 0; i < HUGE; i += 512)
    CHECK_EQUAL(memory[i], 'a');
  CHECK(memory[2 * HUGE] == 'w' && memory[3 * HUGE - 1] == 'z');
  CHECK(memory[HUGE] == 0 && memory[4 * HUGE - 1] == 0);
  CHECK(sparse[5 * HUGE + 4096] == 's' && sparse[5 * HUGE] == 0);
  CHECK(syscall(SYS_read, 0, memory, 0) == 0);
  CHECK(mprotect(memory, HUGE, PROT_READ | PROT_WRITE) == 0);
  memory[0] = 'b';
  /* Again at once. */
  CHECK(came_back() == 0 || memory[0] == 'b');
  return 0;
}
