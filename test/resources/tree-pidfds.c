// Descriptors of other processes of the program come back: of a child that
// lives, also watched by epoll, of one that has ended and that nobody has
// waited for, and of the parent, which a child was given.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
static int open_process(pid_t pid, unsigned flags) {
  int fd = (int)syscall(SYS_pidfd_open, pid, flags);
  CHECK(fd >= 0);
  return fd;
}
static int has_ended(int fd, int wait_ms) {
  struct pollfd look = {.fd = fd, .events = POLLIN};
  return poll(&look, 1, wait_ms);
}
static void waits_for(int fd, pid_t pid, int status) {
  siginfo_t ended = {0};
  CHECK_EQUAL(waitid(P_PIDFD, (id_t)fd, &ended, WEXITED), 0);
  CHECK_EQUAL(ended.si_pid, pid);
  CHECK_EQUAL(ended.si_status, status);
}
int main(void) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
  siginfo_t ended;
  int parent = open_process(getpid(), 0), epoll = epoll_create1(0);
  pid_t living = fork();
  if (!living)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (!living)
    pause();
  pid_t dead = fork();
  if (!dead)
    _exit(3);
  int fd = open_process(living, O_NONBLOCK), copy = dup(fd);
  int of_dead = open_process(dead, 0);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
  CHECK_EQUAL(waitid(P_PID, (id_t)dead, &ended, WEXITED | WNOWAIT), 0);
  pid_t given = fork();
  if (!given)
    _exit(has_ended(parent, 20000) != 1);
  die_and_come_back();
  CHECK_EQUAL(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(has_ended(fd, 0), 0);
  CHECK_EQUAL(has_ended(of_dead, 0), 1);
  waits_for(of_dead, dead, 3);
  CHECK_EQUAL(has_ended(parent, 0), 0);
  CHECK_EQUAL(syscall(SYS_pidfd_send_signal, copy, SIGKILL, NULL, 0), 0);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 20000), 1);
  CHECK_EQUAL(event.data.u32, 7);
  waits_for(fd, living, SIGKILL);
  kill(given, SIGKILL);
  CHECK_EQUAL(waitpid(given, NULL, 0), given);
  return 0;
}
