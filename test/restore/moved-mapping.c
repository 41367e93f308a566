// mremap() grows, shrinks and moves a mapping; another comes to lie where it
// was.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 3 7 %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, ROOM = 64 };
static void fill(char *at, int pages, int value) {
  memset(at, value, (size_t)pages * PAGE);
}
static void holds(const char *at, int pages, int value) {
  for (int i = 0; i < pages * PAGE; i++)
    CHECK(at[i] == value);
}
static char *map(char *at, int pages) {
  char *got = mmap(at, (size_t)pages * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK(got == at);
  return got;
}
static char *move(char *from, int pages, char *to, int new_pages) {
  char *got = mremap(from, (size_t)pages * PAGE, (size_t)new_pages * PAGE,
                     to ? MREMAP_MAYMOVE | MREMAP_FIXED : 0, to);
  CHECK(got == (to ? to : from));
  return got;
}
int main(void) {
  // Where the kernel puts nothing of its own accord, so that it stays free.
  char *place[4];
  for (int i = 0; i < 4; i++)
    place[i] = (char *)0x200000000000 + (size_t)i * ROOM * PAGE;
  map(place[0], 8);
  fill(place[0], 8, 'a');
  save();
  // Moved unwritten, grown, and another in its place.
  move(place[0], 8, place[1], 16);
  map(place[0], 8);
  fill(place[0] + PAGE, 1, 'b');
  die_and_come_back();
  holds(place[1], 8, 'a');
  holds(place[1] + 8 * PAGE, 8, 0);
  holds(place[0], 1, 0);
  holds(place[0] + PAGE, 1, 'b');
  holds(place[0] + 2 * PAGE, 6, 0);
  save();
  // Shrunk and grown in place; a part is moved out of the middle.
  move(place[1], 16, NULL, 4);
  move(place[1], 4, NULL, 12);
  move(place[0], 1, place[2], 1);
  move(place[0] + PAGE, 1, place[3], 2);
  fill(place[2], 1, 'c');
  die_and_come_back();
  holds(place[1], 4, 'a');
  holds(place[1] + 4 * PAGE, 8, 0);
  holds(place[2], 1, 'c');
  holds(place[3], 1, 'b');
  holds(place[3] + PAGE, 1, 0);
  save();
  // There and back, and swapped, between two checkpoints.
  move(place[1], 12, place[1] + 20 * PAGE, 12);
  move(place[1] + 20 * PAGE, 12, place[1], 12);
  move(place[2], 1, place[2] + 5 * PAGE, 1);
  move(place[3], 2, place[2], 2);
  move(place[2] + 5 * PAGE, 1, place[3], 1);
  CHECK(munmap(place[0] + 2 * PAGE, 6 * PAGE) == 0);
  save();
  map(place[0] + 2 * PAGE, 6);
  die_and_come_back();
  holds(place[1], 4, 'a');
  holds(place[2], 1, 'b');
  holds(place[2] + PAGE, 1, 0);
  holds(place[3], 1, 'c');
  holds(place[0] + 2 * PAGE, 6, 0);
  return 7;
}
