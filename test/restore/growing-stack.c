// Stacks that grow by themselves go on growing: the main thread's and one that
// was mapped with MAP_GROWSDOWN.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 2 7 %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096 };
static int deep(int levels) {
  volatile char frame[PAGE];
  memset((char *)frame, levels & 127, PAGE);
  int below = levels ? deep(levels - 1) : 0;
  for (int i = 0; i < PAGE; i += 64)
    CHECK(frame[i] == (levels & 127));
  return below + 1;
}
// Touches page after page below the lowest.
static void grow(char *top, int from, int to) {
  for (int page = from; page < to; page++)
    memset(top - (page + 1) * PAGE, 'a' + page % 26, PAGE);
}
static void holds(const char *top, int pages) {
  for (int page = 0; page < pages; page++)
    for (int i = 0; i < PAGE; i++)
      CHECK(top[i - (page + 1) * PAGE] == 'a' + page % 26);
}
int main(void) {
  CHECK(deep(100) == 101);
  // Where nothing is that it could grow into.
  char *top = (char *)0x200000000000;
  CHECK(mmap(top - PAGE, PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1,
             0) == top - PAGE);
  grow(top, 0, 20);
  die_and_come_back();
  holds(top, 20);
  CHECK(deep(500) == 501);
  grow(top, 20, 100);
  save();
  grow(top, 100, 120);
  die_and_come_back();
  holds(top, 120);
  grow(top, 120, 500);
  CHECK(deep(1200) == 1201);
  return 7;
}
