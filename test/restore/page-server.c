// A program that serves its own page faults, which is killed at any moment: no
// page that is there is asked for or unprotected again, none that is not there
// comes back by itself, and none that is protected is written to unseen.
// RUN: %behaviour -I%S/../resources/Inputs %s -o %t
// RUN: %python %S/Inputs/killed-anywhere --kills=3 --options=every=3ms %hwckpt %t
// RUN: %python %S/Inputs/killed-anywhere --kills=2 --options=every=3ms:method=cow %hwckpt %t
// RUN: %python %S/Inputs/killed-anywhere --kills=2 --pid=any --options=every=3ms:track=full %hwckpt %t
#include "faults.h"
#include <poll.h>
#include <stdbool.h>

static struct {
  char value;
  bool is_there, is_protected;
} model[PAGES];

/* At places that change, so that no page is read in one place only. */
static void look(int page, int place) {
  int before = asked[page];
  char value = ((volatile char *)memory)[page * PAGE + place];
  if (model[page].is_there) {
    CHECK_EQUAL(asked[page], before);
    CHECK_EQUAL(value, model[page].value);
  } else {
    CHECK(asked[page] > before);
    CHECK_EQUAL(value, content(page));
    model[page].value = value;
    model[page].is_there = true;
  }
}

/* Every byte of it; each second time it becomes a page of zeros. */
static void change(int page, unsigned turn) {
  int before = unprotected[page];
  char value = turn % 2 ? 0 : (char)turn;
  look(page, 0);
  memset(memory + page * PAGE, value, PAGE);
  model[page].value = value;
  if (model[page].is_protected)
    CHECK(unprotected[page] > before);
  else
    CHECK_EQUAL(unprotected[page], before);
  model[page].is_protected = false;
}

static void protect(int page) {
  struct uffdio_writeprotect on = {{(unsigned long)memory + page * PAGE, PAGE},
                                   UFFDIO_WRITEPROTECT_MODE_WP};
  look(page, PAGE - 1);
  CHECK_EQUAL(ioctl(faults, UFFDIO_WRITEPROTECT, &on), 0);
  model[page].is_protected = true;
}

static void drop(int page) {
  CHECK_EQUAL(madvise(memory + page * PAGE, PAGE, MADV_DONTNEED), 0);
  model[page].is_there = model[page].is_protected = false;
}

static bool is_over(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  return poll(&input, 1, 0) == 1;
}

int main(void) {
  unsigned chance = 1;
  begin(0, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
  begin_serving();
  for (unsigned turn = 0; turn % 64 || !is_over(); turn++) {
    chance = chance * 1103515245u + 12345u;
    int page = (int)(chance >> 16) % PAGES;
    if (turn % 5 == 0)
      drop(page);
    else if (turn % 5 == 1)
      protect(page);
    else if (turn % 5 == 2)
      change(page, turn);
    else
      look(page, (int)(turn % PAGE));
  }
  return 7;
}
