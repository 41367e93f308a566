// What the copy-on-write child need not have is kept from it for the moment:
// afterwards the program's children have all memory as before, but for what it
// keeps from them itself, and it is one mapping as before.
// RUN: %behaviour -I%S/Inputs %s -o %t && %restored -o method=cow -- %t
#include "dirty.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
// So much that its settings are not looked at each time.
enum { PAGES = 16384, PLAIN = 50000, WRITTEN = 8000 };
static char *plain, *kept;
static void put(char *at, size_t pages, int value) {
  memset(at, value, pages * PAGE);
}
static void check(const char *at, size_t pages, int value) {
  for (size_t i = 0; i < pages * PAGE; i++)
    if (at[i] != value)
      CHECK_EQUAL(at[i], value);
}
static bool child_sees(const char *address) {
  int status;
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (!pid)
    _exit(*(volatile const char *)address ? 0 : 2);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
// That hold some of the memory.
static int mappings(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  int count = 0;
  char line[4096];
  CHECK(maps);
  while (fgets(line, sizeof line, maps)) {
    char *end;
    uintptr_t from = strtoul(line, &end, 16), to = strtoul(end + 1, NULL, 16);
    count += from < (uintptr_t)plain + PLAIN * PAGE && to > (uintptr_t)plain;
  }
  CHECK_EQUAL(fclose(maps), 0);
  return count;
}
static void prepare(void) {
  plain = map_at(NULL, PLAIN, 0);
  put(plain, PLAIN, 1);
  kept = map_at(NULL, PAGES, 0);
  put(kept, PAGES, 7);
}
static void change(void) { put(plain + WRITTEN * PAGE, 100, 5); }
static void keep(void) {
  CHECK_EQUAL(madvise(kept, PAGES * PAGE, MADV_DONTFORK), 0);
  put(plain, 100, 6);
}
static void compare(void) {
  check(plain, 100, 6);
  check(plain + 100 * PAGE, WRITTEN - 100, 1);
  check(plain + WRITTEN * PAGE, 100, 5);
  CHECK(child_sees(plain) && child_sees(plain + (PLAIN - 1) * PAGE));
  CHECK(child_sees(plain + 4000 * PAGE));
  CHECK(!child_sees(kept) && !child_sees(kept + (PAGES - 1) * PAGE));
}
int main(void) {
  prepare();
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  int before = mappings();
  for (int i = 0; i < 3; i++) {
    change();
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    struct hwckpt_statistics statistics;
    CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
    CHECK_EQUAL(statistics.method, 3);
    CHECK_EQUAL(mappings(), before);
    CHECK(child_sees(plain) && child_sees(plain + 4000 * PAGE));
  }
  keep();
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  compare();
  die_and_come_back();
  compare();
  return 0;
}
