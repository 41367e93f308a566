// A pseudo terminal of which no slave was ever opened comes back as one, locked
// or not: its master sees no end of it, and whoever opens the first talks to
// it. So does one with a number of more than eight bits.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <poll.h>
#include <sys/ioctl.h>
static void waits(int master) {
  struct pollfd look = {master, POLLIN, 0};
  CHECK_EQUAL(poll(&look, 1, 0), 0);
}
static void talks(int master) {
  char got[8];
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  CHECK(slave >= 0 && write(slave, "hello", 5) == 5);
  CHECK_EQUAL(read(master, got, sizeof got), 5);
  CHECK(memcmp(got, "hello", 5) == 0 && close(slave) == 0);
  CHECK(read(master, got, 1) < 0 && errno == EIO);
}
/* The last of many; the lowest numbers are given first. */
static int with_high_number(void) {
  enum { MANY = 260 };
  int masters[MANY], number = 0;
  for (int i = 0; i < MANY; i++)
    CHECK((masters[i] = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
  for (int i = 0; i < MANY - 1; i++)
    close(masters[i]);
  CHECK_EQUAL(unlockpt(masters[MANY - 1]), 0);
  CHECK_EQUAL(ioctl(masters[MANY - 1], TIOCGPTN, &number), 0);
  CHECK(number > 255);
  return masters[MANY - 1];
}
int main(void) {
  char name[64];
  int locked = 0;
  int high = with_high_number();
  int free = posix_openpt(O_RDWR | O_NOCTTY);
  int shut = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(free >= 0 && shut >= 0 && unlockpt(free) == 0);
  CHECK(ptsname_r(free, name, sizeof name) == 0);
  if (!came_back()) {
    waits(free);
    die();
  }
  waits(free);
  waits(shut);
  CHECK(strcmp(ptsname(free), name) == 0);
  CHECK(ioctl(shut, TIOCGPTLCK, &locked) == 0 && locked);
  CHECK(ioctl(free, TIOCGPTLCK, &locked) == 0 && !locked);
  talks(free);
  talks(high);
  CHECK_EQUAL(unlockpt(shut), 0);
  talks(shut);
  return 0;
}
