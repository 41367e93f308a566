// With the option huge, large memory that is in use has huge pages from the
// first checkpoint on; what is in it stays, also after a restore.
// RUN: %behaviour -I%S/Inputs %s -o %t && %restored -o huge=1 -- %t
#include "dirty.h"
enum { PAGES = 32 * 256 };
static char *memory;
/* Of that memory, in KiB. */
static unsigned long huge(void) {
  char line[512];
  unsigned long long begin = 0, end;
  unsigned long sum = 0, size;
  FILE *file = fopen("/proc/self/smaps", "re");
  CHECK(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "%llx-%llx ", &begin, &end) != 2 &&
        sscanf(line, "AnonHugePages: %lu kB", &size) == 1 &&
        begin <= (unsigned long long)memory + PAGES * PAGE / 2 &&
        end > (unsigned long long)memory + PAGES * PAGE / 2)
      sum += size;
  fclose(file);
  return sum;
}
static void skip_without_huge_pages(void) {
  char text[128] = "";
  int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0 || strstr(text, "[never]"))
    SKIP("no transparent huge pages here");
  close(fd);
}
int main(void) {
  skip_without_huge_pages();
  memory = map_at(NULL, PAGES, 0);
  CHECK_EQUAL(madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE), 0);
  fill(memory, PAGES, 1);
  CHECK_EQUAL(huge(), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK(huge() >= 24 << 10);
  expect(memory, PAGES, 1);
  fill(memory + 100 * PAGE, 10, 7);
  die_and_come_back();
  expect(memory, 100, 1);
  expect(memory + 100 * PAGE, 10, 7);
  expect(memory + 110 * PAGE, PAGES - 110, 111);
  return 0;
}
