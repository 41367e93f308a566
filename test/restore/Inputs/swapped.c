/* Shared memory that is swapped out when it is captured, and a hole in it. Exit
 * status 77 where it cannot be swapped out. */
#define _GNU_SOURCE
#include "come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 1024 };
static int in_memory(char *memory) {
  unsigned char there[PAGES];
  int count = 0;
  CHECK(mincore(memory, PAGES * PAGE, there) == 0);
  for (int i = 0; i < PAGES; i++)
    count += there[i] & 1;
  return count;
}
int main(void) {
  char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int page = 0; page < PAGES; page++)
    if (page % 5)
      memset(memory + page * PAGE, page % 100 + 1, PAGE);
  for (int i = 0; i < 50 && in_memory(memory) > PAGES / 2; i++)
    madvise(memory, PAGES * PAGE, MADV_PAGEOUT);
  if (in_memory(memory) > PAGES / 2)
    return 77;
  die_and_come_back();
  for (int i = 0; i < PAGES * PAGE; i++)
    CHECK(memory[i] == (i / PAGE % 5 ? i / PAGE % 100 + 1 : 0));
  return 7;
}
