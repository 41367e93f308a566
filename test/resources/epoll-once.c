// What an epoll has reported once (EPOLLONESHOT) is reported by nothing until
// it is armed again, hang-ups and errors neither; what waits beside it still
// is.
// RUN: %behaviour %s -o %t && %by_all sh -c '! %restored -- %t && %hwckpt restore'
#include "behaviour.h"
#include <sys/epoll.h>
#include <sys/socket.h>
static int epoll;
static void set(int how, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  CHECK_EQUAL(epoll_ctl(epoll, how, fd, &event), 0);
}
static uint64_t next(void) {
  struct epoll_event event;
  return epoll_wait(epoll, &event, 1, 0) == 1 ? event.data.u64 : 0;
}
int main(void) {
  int shot[2], armed[2], edge[2], hung[2], other[2];
  epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, shot) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, armed) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
  CHECK(pipe(edge) == 0 && pipe(hung) == 0);
  set(EPOLL_CTL_ADD, shot[0], EPOLLIN | EPOLLONESHOT, 1);
  CHECK(write(shot[1], "x", 1) == 1);
  CHECK_EQUAL(next(), 1);
  set(EPOLL_CTL_ADD, hung[0], EPOLLIN | EPOLLONESHOT, 2);
  CHECK(close(hung[1]) == 0);
  CHECK_EQUAL(next(), 2);
  /* Its number is another's by now. */
  set(EPOLL_CTL_ADD, other[0], EPOLLIN | EPOLLET | EPOLLONESHOT, 3);
  CHECK(write(other[1], "x", 1) == 1);
  CHECK_EQUAL(next(), 3);
  int kept = dup(other[0]);
  CHECK_EQUAL(dup2(edge[0], other[0]), other[0]);
  set(EPOLL_CTL_ADD, armed[0], EPOLLIN | EPOLLONESHOT, 4);
  set(EPOLL_CTL_ADD, edge[0], EPOLLIN | EPOLLET, 5);
  CHECK(write(edge[1], "x", 1) == 1);
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  if (times < 2)
    die();
  CHECK_EQUAL(next(), 5);
  CHECK_EQUAL(next(), 0);
  CHECK(close(shot[1]) == 0 && close(other[1]) == 0);
  CHECK_EQUAL(next(), 0);
  CHECK(write(armed[1], "x", 1) == 1);
  CHECK_EQUAL(next(), 4);
  CHECK_EQUAL(next(), 0);
  set(EPOLL_CTL_MOD, shot[0], EPOLLIN | EPOLLONESHOT, 6);
  CHECK_EQUAL(next(), 6);
  set(EPOLL_CTL_MOD, hung[0], EPOLLIN | EPOLLONESHOT, 7);
  CHECK_EQUAL(next(), 7);
  CHECK_EQUAL(next(), 0);
  return close(kept);
}
