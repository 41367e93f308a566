/* aside.c - a child and its child have the terminal at 10 only, which they
 * watch, and at 11 as the parent opened it; after a restore they tell which one
 * it is. */
#include "behaviour.h"

#include <linux/kcmp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { ASIDE = 10, ANEW = 11 };
static int told[2];

static int is_same(pid_t other, int its) {
  return !syscall(SYS_kcmp, getpid(), other, KCMP_FILE, ASIDE, its);
}

/* Its parent has the terminal at `number`. */
static _Noreturn void be_child(const char *who, int number) {
  struct epoll_event event = {.events = EPOLLOUT};
  int status, null = open("/dev/null", O_RDWR), watch = epoll_create1(0);
  pid_t self, grandchild = 0;
  char word;
  CHECK(dup2(number, ASIDE) == ASIDE && null > 2 && watch > 2);
  CHECK(epoll_ctl(watch, EPOLL_CTL_ADD, ASIDE, &event) == 0);
  for (int i = 0; i < 3; i++)
    CHECK(dup2(null, i) == i);
  if (number != ASIDE && !(grandchild = fork()))
    be_child("grandchild", ASIDE);
  self = getpid();
  CHECK_EQUAL(write(told[1], &self, sizeof self), sizeof self);
  CHECK_EQUAL(read(told[1], &word, 1), 1);
  CHECK(isatty(ASIDE) && is_same(getppid(), number));
  /* A terminal that the other one is just writing to is not ready. */
  CHECK(epoll_wait(watch, &event, 1, -1) == 1);
  CHECK(isatty(ANEW) && fcntl(ANEW, F_GETFL) & O_NONBLOCK);
  dprintf(ASIDE, "%s %s\n", who, ttyname(ASIDE));
  if (grandchild)
    CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
  _exit(0);
}

int main(void) {
  int status;
  pid_t child, others[2];
  CHECK(isatty(0) && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, told) == 0);
  int anew = open(ttyname(0), O_RDWR | O_NOCTTY | O_NONBLOCK);
  CHECK(anew >= 0 && dup2(anew, ANEW) == ANEW && !close(anew));
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child("child", 0);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(read(told[0], &others[i], sizeof *others), sizeof *others);
  if (!came_back()) {
    CHECK(!kill(others[0], SIGKILL) && !kill(others[1], SIGKILL));
    CHECK(waitpid(child, &status, 0) == child);
    die();
  }
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(write(told[0], "", 1), 1);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return 0;
}
