// The copy-on-write child is none of the program's: wait() and signals do not
// tell of it, and none is left. What the program keeps from its children, or
// has cleared for them, is captured all the same.
// RUN: %behaviour -I%S/Inputs %s -o %t && %restored -o method=cow -- %t
#include "dirty.h"
#include <sys/wait.h>
static volatile sig_atomic_t told;
static void on_child(int number) { told = number; }
static char *plain, *kept, *wiped;
enum { PAGES = 300 };
static void prepare(void) {
  plain = map_at(NULL, PAGES, 0);
  fill(plain, PAGES, 1);
}
static void change(void) {
  fill(plain + 10 * PAGE, 100, 5);
  CHECK(wait(NULL) == -1 && errno == ECHILD);
}
static void keep(void) {
  kept = map_at(NULL, PAGES, 0);
  CHECK_EQUAL(madvise(kept, PAGES * PAGE, MADV_DONTFORK), 0);
  fill(kept, PAGES, 7);
}
static void wipe(void) {
  wiped = map_at(NULL, PAGES, 0);
  CHECK_EQUAL(madvise(wiped, PAGES * PAGE, MADV_WIPEONFORK), 0);
  fill(wiped, PAGES, 9);
}
int main(void) {
  struct sigaction action = {.sa_handler = on_child};
  CHECK_EQUAL(sigaction(SIGCHLD, &action, NULL), 0);
  STEPS(prepare, change, keep, wipe);
  expect(plain, 10, 1);
  expect(plain + 10 * PAGE, 100, 5);
  expect(kept, PAGES, 7);
  expect(wiped, PAGES, 9);
  CHECK_EQUAL(told, 0);
  CHECK_EQUAL(waitpid(-1, NULL, __WALL), -1);
  return 0;
}
