// A pseudo terminal whose slave another process of the program has, and has
// made exclusive: root opens it beside that one, and it comes back; for others
// the checkpoint is refused, until it is exclusive no more.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/ioctl.h>
#include <sys/wait.h>
static int ready[2], go[2], master, slave;
static void await(int fd) {
  char byte;
  if (read(fd, &byte, 1) != 1)
    _exit(1); /* the other was killed */
}
static void tell(int fd) { CHECK_EQUAL(write(fd, "x", 1), 1); }
static _Noreturn void be_child(void) {
  int is = 0;
  CHECK(close(master) == 0 && close(go[1]) == 0 && close(ready[0]) == 0);
  CHECK_EQUAL(ioctl(slave, TIOCEXCL), 0);
  tell(ready[1]);
  await(go[0]);
  CHECK(ioctl(slave, TIOCGEXCL, &is) == 0 && is);
  CHECK_EQUAL(ioctl(slave, TIOCNXCL), 0);
  tell(ready[1]);
  await(go[0]);
  _exit(0);
}
int main(void) {
  char got[8];
  int status;
  master = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(master >= 0 && unlockpt(master) == 0);
  slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  CHECK(slave >= 0 && write(slave, "inside", 6) == 6);
  CHECK(pipe(ready) == 0 && pipe(go) == 0);
  pid_t child = fork();
  if (child == 0)
    be_child();
  CHECK(child > 0 && close(slave) == 0 && close(ready[1]) == 0);
  await(ready[0]);
  if (geteuid() == 0)
    die_and_come_back();
  else
    CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  tell(go[1]);
  await(ready[0]);
  if (geteuid() != 0)
    die_and_come_back();
  CHECK_EQUAL(read(master, got, sizeof got), 6);
  CHECK_EQUAL(memcmp(got, "inside", 6), 0);
  tell(go[1]);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return 0;
}
