// A program that gives the pages of its memory when they are asked for: what it
// has given is there after a restore, zeros too, and is not asked for again;
// what it has not given, or has dropped, is asked for, once.
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: %restored_by_all %t
// RUN: %restored_by_all -o method=cow -- %t
// RUN: %restored_by_all -o method=precopy -- %t
// RUN: %restored_by_all -o track=full -- %t
#include "faults.h"

static int given(int page, int round) { return page % 8 <= round; }
static int dropped(int page) { return page % 16 == 2; }

/* Each page at a place where one of before may not have been. */
static void look(int page, int more, int times) {
  CHECK_EQUAL(memory[page * PAGE + page], content(page) + more);
  CHECK_EQUAL(memory[page * PAGE + PAGE - 1], content(page) + more);
  CHECK_EQUAL(asked[page], times);
}

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* Pages that cannot be touched, and others that are all there when they are
 * locked in memory again. */
enum { CLOSED = 24, CLOSED_PAGES = 5, LOCKED = 3, LOCKED_PAGES = 12 };

static void set_closed(int protection) {
  CHECK_EQUAL(mprotect(memory + CLOSED * PAGE, CLOSED_PAGES * PAGE, protection),
              0);
}

static void lock_some(void) {
  char *locked = memory + LOCKED * PAGE;
  CHECK_EQUAL(mlock(locked, LOCKED_PAGES * PAGE), 0);
  CHECK_EQUAL(madvise(locked, LOCKED_PAGES * PAGE, MADV_DONTNEED_LOCKED), 0);
}

int main(void) {
  map_memory();
  lock_some();
  begin(0, UFFDIO_REGISTER_MODE_MISSING);
  CHECK_EQUAL(madvise(memory, PAGES * PAGE, MADV_HUGEPAGE), 0);
  begin_serving();
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < PAGES; i++)
      if (given(i, round))
        look(i, 0, 1);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  }
  for (int i = 0; i < PAGES; i++) {
    if (i % 8 == 3)
      memset(memory + i * PAGE, content(i) + 1, PAGE);
    if (dropped(i))
      CHECK_EQUAL(madvise(memory + i * PAGE, PAGE, MADV_DONTNEED), 0);
  }
  set_closed(PROT_NONE);
  die_and_come_back();
  set_closed(PROT_READ | PROT_WRITE);
  for (int i = 0; i < PAGES; i++)
    CHECK_EQUAL(asked[i], given(i, 3));
  for (int i = 0; i < PAGES; i++)
    look(i, i % 8 == 3, dropped(i) ? 2 : 1);
  return 0;
}
