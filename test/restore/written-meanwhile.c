// Memory that threads write, give back, move, unmap and map anew while it is
// captured: each of them knows what every page of its own holds, and looks
// after each restore. Every way of capturing, also with a ring so small that it
// is full most of the time.
// RUN: %clang -D_GNU_SOURCE -fhwckpt -O2 %s -o %t -pthread && for options in method=precopy method=precopy:ring=1 method=stop:ring=1 method=cow method=cow:ring=1:track=full method=auto; do %python %S/Inputs/killed-anywhere --kills=2 --options=every=20ms:base_every=4:$options %hwckpt %t || exit 1; done
#include "Inputs/come-back.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
enum { THREADS = 2, PAGE = 4096, PAGES = 2048, HUGE = 2 << 20, MOBILE = 64 };
static _Atomic int ended;
struct region {
  unsigned long seed;
  char *base;
  unsigned held[PAGES]; // what each page holds, 0: nothing
  // MOBILE pages that move to and fro. A mapping of its own: one of several
  // areas cannot be moved at once while it is tracked.
  char *mobile, *away;
  unsigned in_mobile;
  unsigned long turns;
};
static struct region regions[THREADS];
static unsigned draw(struct region *r, unsigned below) {
  r->seed = r->seed * 6364136223846793005UL + 1442695040888963407UL;
  return (unsigned)(r->seed >> 33) % below;
}
static char *map(void *at, size_t pages, int protection) {
  char *memory =
      mmap(at, pages * PAGE, protection,
           MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}
static void write_pages(struct region *r, unsigned first, unsigned count) {
  unsigned value = draw(r, 1u << 30) + 1;
  for (unsigned i = first; i < first + count; i++) {
    unsigned *page = (unsigned *)(r->base + (size_t)i * PAGE);
    for (unsigned k = 0; k < PAGE / sizeof *page; k += 64)
      page[k] = value;
    r->held[i] = value;
  }
}
static void check(const struct region *r, unsigned first, unsigned count) {
  for (unsigned i = first; i < first + count; i++) {
    const unsigned *page = (const unsigned *)(r->base + (size_t)i * PAGE);
    for (unsigned k = 0; k < PAGE / sizeof *page; k += 64)
      CHECK(page[k] == r->held[i]);
  }
}
static void forget(struct region *r, unsigned first, unsigned count) {
  memset(r->held + first, 0, count * sizeof *r->held);
}
static void move(struct region *r) {
  char *from = r->mobile;
  size_t size = MOBILE * PAGE;
  for (unsigned i = 0; i < MOBILE; i++)
    CHECK(*(unsigned *)(from + (size_t)i * PAGE) == r->in_mobile + i);
  r->mobile = mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, r->away);
  CHECK(r->mobile == r->away);
  r->away = map(from, MOBILE, PROT_NONE);
  if (draw(r, 2))
    return;
  r->in_mobile++;
  for (unsigned i = 0; i < MOBILE; i++)
    *(unsigned *)(r->mobile + (size_t)i * PAGE) = r->in_mobile + i;
}
static void churn(struct region *r) {
  unsigned first = draw(r, PAGES), count = 1 + draw(r, 32);
  count = count > PAGES - first ? PAGES - first : count;
  char *at = r->base + (size_t)first * PAGE;
  size_t size = (size_t)count * PAGE;
  switch (draw(r, 8)) {
  case 0:
    CHECK(madvise(at, size, MADV_DONTNEED) == 0);
    forget(r, first, count);
    break;
  case 1:
    CHECK(munmap(at, size) == 0);
    map(at, count, PROT_READ | PROT_WRITE);
    forget(r, first, count);
    break;
  case 2:
    move(r);
    break;
  case 3:
    CHECK(mprotect(at, size, PROT_NONE) == 0);
    CHECK(mprotect(at, size, PROT_READ) == 0);
    check(r, first, count);
    CHECK(mprotect(at, size, PROT_READ | PROT_WRITE) == 0);
    break;
  case 4:
    CHECK(madvise(at, size, draw(r, 2) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0);
    write_pages(r, first, count);
    break;
  default:
    check(r, first, count);
  }
}
// Pages of one mapping are in several by and by: all of it anew.
static void begin_anew(struct region *r) {
  map(r->base, PAGES, PROT_READ | PROT_WRITE);
  CHECK(madvise(r->base, PAGES * PAGE, MADV_HUGEPAGE) == 0);
  forget(r, 0, PAGES);
}
static void *work(void *argument) {
  struct region *r = argument;
  while (!atomic_load(&ended)) {
    for (int i = 0; i < 40; i++) {
      unsigned first = draw(r, PAGES);
      write_pages(r, first, first + 4 < PAGES ? 1 + draw(r, 4) : 1);
    }
    churn(r);
    if (++r->turns % 64 == 0)
      check(r, 0, PAGES);
    if (r->turns % 4096 == 0)
      begin_anew(r);
  }
  check(r, 0, PAGES);
  return NULL;
}
int main(void) {
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    struct region *r = &regions[i];
    r->seed = i + 1;
    r->base = map(NULL, PAGES + HUGE / PAGE, PROT_READ | PROT_WRITE);
    r->base += (HUGE - (size_t)r->base % HUGE) % HUGE;
    char *places = map(NULL, 4 * MOBILE, PROT_NONE);
    r->away = places + MOBILE * PAGE;
    r->mobile = map(places + 3 * MOBILE * PAGE, MOBILE, PROT_READ | PROT_WRITE);
    for (unsigned k = 0; k < MOBILE; k++)
      *(unsigned *)(r->mobile + (size_t)k * PAGE) = k;
    begin_anew(r);
    CHECK(pthread_create(&threads[i], NULL, work, r) == 0);
  }
  while (go_on())
    usleep(1000);
  atomic_store(&ended, 1);
  for (unsigned i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  return 7;
}
