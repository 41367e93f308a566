// Mappings of one shared memory are of one memory again, also where one is of a
// part of it, and where mprotect() made two of one.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 2 7 %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 64 };
static char *again(char *memory, int pages) {
  char *other = mremap(memory, 0, (size_t)pages * PAGE, MREMAP_MAYMOVE);
  CHECK(other != MAP_FAILED);
  return other;
}
static void one_memory(char *a, char *b) {
  a[0]++;
  CHECK(b[0] == a[0]);
  b[PAGE - 1] = (char)(a[PAGE - 1] + 1);
  CHECK(a[PAGE - 1] == b[PAGE - 1]);
}
int main(void) {
  char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  strcpy(memory + 9 * PAGE, "nine");
  char *all = again(memory, PAGES);
  char *end = again(memory + (PAGES - 2) * PAGE, 2);
  CHECK(mprotect(all + 9 * PAGE, PAGE, PROT_READ) == 0);
  char *rest = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  strcpy(rest + 3 * PAGE, "rest");
  CHECK(rest != MAP_FAILED && munmap(rest, 2 * PAGE) == 0);
  die_and_come_back();
  CHECK(strcmp(memory + 9 * PAGE, "nine") == 0);
  CHECK(strcmp(all + 9 * PAGE, "nine") == 0);
  CHECK(strcmp(rest + 3 * PAGE, "rest") == 0);
  one_memory(memory + (PAGES - 2) * PAGE, end);
  one_memory(memory, all);
  memory[9 * PAGE] = 'N';
  save();
  CHECK(munmap(memory, PAGES * PAGE) == 0);
  all[10 * PAGE] = 'x';
  die_and_come_back();
  CHECK(strcmp(all + 9 * PAGE, "Nine") == 0 && all[10 * PAGE] == 'x');
  CHECK(mprotect(all + 9 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
  one_memory(all + (PAGES - 2) * PAGE, end);
  return 7;
}
