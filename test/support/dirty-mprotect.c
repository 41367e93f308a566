// Protections are those of the checkpoint; memory that was read-only at the
// base and is written later is in the delta, also when it is read-only again.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static char *opened, *closed, *none;
static void prepare(void) {
  opened = map_at(NULL, 16, 0);
  fill(opened, 16, 1);
  closed = map_at(NULL, 4, 0);
  fill(closed, 4, 50);
  none = map_at(NULL, 4, 0);
  fill(none, 4, 70);
  CHECK_EQUAL(mprotect(opened, 16 * PAGE, PROT_READ), 0);
}
static void change(void) {
  CHECK_EQUAL(mprotect(opened + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE), 0);
  fill(opened + 5 * PAGE, 2, 200);
  fill(closed, 4, 51);
  CHECK_EQUAL(mprotect(closed, 4 * PAGE, PROT_READ), 0);
  fill(none, 4, 71);
  CHECK_EQUAL(mprotect(none, 4 * PAGE, PROT_NONE), 0);
}
static void back(void) {
  CHECK_EQUAL(mprotect(opened, 16 * PAGE, PROT_READ), 0);
}
static int writable(char *page) {
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  int result = read(ends[0], page, 1) == 1, error = errno;
  CHECK(result || error == EFAULT);
  close(ends[0]);
  close(ends[1]);
  return result;
}
static int readable(const char *page) {
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  int result = write(ends[1], page, 1) == 1, error = errno;
  CHECK(result || error == EFAULT);
  close(ends[0]);
  close(ends[1]);
  return result;
}
int main(void) {
  STEPS(prepare, change, back);
  expect(opened, 5, 1);
  expect(opened + 5 * PAGE, 2, 200);
  expect(opened + 7 * PAGE, 9, 8);
  expect(closed, 4, 51);
  CHECK(!writable(opened) && !writable(opened + 5 * PAGE) && !writable(closed));
  CHECK(!readable(none));
  CHECK_EQUAL(mprotect(none, 4 * PAGE, PROT_READ), 0);
  expect(none, 4, 71);
  return 0;
}
