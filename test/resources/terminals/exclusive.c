// A pseudo terminal that its slave made exclusive (TIOCEXCL) is so again, with
// what is on its way in it; the master's own is another thing. So after a
// rollback, which takes back what was made exclusive since.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/ioctl.h>
struct terminal {
  int master, slave;
};
static struct terminal make(void) {
  struct terminal made;
  made.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  CHECK(made.master >= 0 && unlockpt(made.master) == 0);
  made.slave = open(ptsname(made.master), O_RDWR | O_NOCTTY | O_NONBLOCK);
  CHECK(made.slave >= 0);
  CHECK_EQUAL(write(made.slave, "on its way", 10), 10);
  return made;
}
static void is_exclusive(const struct terminal *one, int slave, int master) {
  int is = -1;
  CHECK(ioctl(one->slave, TIOCGEXCL, &is) == 0);
  CHECK_EQUAL(is, slave);
  CHECK(ioctl(one->master, TIOCGEXCL, &is) == 0);
  CHECK_EQUAL(is, master);
  int more = open(ptsname(one->master), O_RDWR | O_NOCTTY);
  CHECK_EQUAL(more >= 0, !slave || geteuid() == 0);
  close(more);
}
static void is_there(const struct terminal *one) {
  char got[64];
  CHECK_EQUAL(read(one->master, got, sizeof got), 10);
  CHECK(memcmp(got, "on its way", 10) == 0);
}
int main(void) {
  struct terminal first = make(), second = make(), last;
  CHECK_EQUAL(ioctl(first.slave, TIOCEXCL), 0);
  CHECK_EQUAL(ioctl(second.master, TIOCEXCL), 0);
  /* More than one of it. */
  CHECK(ioctl(first.slave, TIOCNXCL) == 0);
  int more = open(ptsname(first.master), O_RDONLY | O_NOCTTY);
  CHECK(more >= 0 && ioctl(more, TIOCEXCL) == 0);
  if (!came_back()) {
    is_exclusive(&first, 1, 0);
    is_exclusive(&second, 0, 1);
    die();
  }
  is_exclusive(&first, 1, 0);
  is_exclusive(&second, 0, 1);
  is_there(&first);
  is_there(&second);
  CHECK_EQUAL(close(more), 0);

  last = make();
  CHECK(__builtin_ckpt_save() >= 0);
  is_exclusive(&first, 1, 0);
  is_exclusive(&last, 0, 0);
  is_there(&last);
  if (first_time("rolls back")) {
    CHECK_EQUAL(ioctl(first.slave, TIOCNXCL), 0);
    CHECK_EQUAL(ioctl(last.slave, TIOCEXCL), 0);
    roll_back();
  }
  CHECK_EQUAL(unlink("rolls back"), 0);
  return 0;
}
