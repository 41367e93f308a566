// A heap and mappings that grow, shrink and are given back.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
enum { SLOTS = 512, AREA = 4 << 20 };
static struct {
  unsigned char *at;
  size_t size;
  unsigned char fill;
} slots[SLOTS];
static unsigned long seed = 1;
static unsigned draw(unsigned below) {
  seed = seed * 6364136223846793005UL + 1442695040888963407UL;
  return (unsigned)(seed >> 33) % below;
}
static int whole(const unsigned char *at, size_t size, unsigned char fill) {
  for (size_t i = 0; i < size; i++)
    if (at[i] != fill)
      return 0;
  return 1;
}
int main(void) {
  unsigned char *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static unsigned char model[AREA >> 12];
  size_t mapped = 1 << 16;
  unsigned char *moving = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(moving, 9, mapped);
  for (int turn = 0; turn < 60000; turn++) {
    unsigned i = draw(SLOTS);
    if (!whole(slots[i].at, slots[i].size, slots[i].fill))
      return printf("heap: slot %u, turn %d\n", i, turn), 1;
    size_t size = draw(100) == 0 ? draw(1 << 20) : draw(1 << 13);
    slots[i].at = realloc(slots[i].at, size + 1);
    slots[i].size = size;
    slots[i].fill = (unsigned char)turn;
    memset(slots[i].at, turn, size);
    unsigned page = draw(AREA >> 12), pages = 1 + draw(8);
    if (page + pages > AREA >> 12)
      pages = (AREA >> 12) - page;
    for (unsigned p = page; p < page + pages; p++)
      if (!whole(area + ((size_t)p << 12), 4096, model[p]))
        return printf("area: page %u, turn %d\n", p, turn), 2;
    unsigned char fill = draw(2) ? (unsigned char)(turn | 1) : 0;
    if (fill)
      memset(area + ((size_t)page << 12), fill, (size_t)pages << 12);
    else
      madvise(area + ((size_t)page << 12), (size_t)pages << 12, MADV_DONTNEED);
    memset(model + page, fill, pages);
    if (turn % 50 == 0) {
      size_t next = (size_t)(1 + draw(64)) << 12;
      moving = mremap(moving, mapped, next, MREMAP_MAYMOVE);
      if (!whole(moving, next < mapped ? next : mapped, 9))
        return printf("mremap, turn %d\n", turn), 3;
      memset(moving, 9, mapped = next);
      char *top = sbrk(0);
      if (sbrk(1 << 14) == top)
        memset(top, 1, 1 << 14);
      if (turn % 100 == 0)
        free(malloc(1 << 16));
    }
    if (turn % 3000 == 0)
      printf("%d %lx\n", turn, seed);
  }
  return 8;
}
