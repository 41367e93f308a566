// What an epoll watches is watched again: edges, one shots that went off, an
// epoll in an epoll, and files whose number was closed or is another's by now.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
static void watch(int epoll, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
}
static uint64_t next(int epoll) {
  struct epoll_event event;
  return epoll_wait(epoll, &event, 1, 0) == 1 ? event.data.u64 : 0;
}
/* Two sockets, both watched as the number that they had; and after that. */
static int pairs[2][2], one_number, kept_socket;
static void watch_sockets(void) {
  one_number = epoll_create1(0);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
  watch(one_number, pairs[0][0], EPOLLIN, 20);
  kept_socket = dup(pairs[0][0]);
  CHECK_EQUAL(dup2(pairs[1][0], pairs[0][0]), pairs[0][0]);
  watch(one_number, pairs[0][0], EPOLLIN, 21);
  watch(one_number, kept_socket, EPOLLIN | EPOLLET, 22);
}
static void sockets_are_told_apart(void) {
  char byte;
  CHECK_EQUAL(next(one_number), 0);
  CHECK_EQUAL(write(pairs[1][1], "x", 1), 1);
  CHECK_EQUAL(next(one_number), 21);
  CHECK_EQUAL(read(pairs[1][0], &byte, 1), 1);
  CHECK_EQUAL(next(one_number), 0);
  CHECK_EQUAL(write(pairs[0][1], "x", 1), 1);
  uint64_t some = next(one_number);
  CHECK(some == 20 || some == 22);
  CHECK_EQUAL(read(kept_socket, &byte, 1), 1);
}
int main(void) {
  int outer = epoll_create1(EPOLL_CLOEXEC);
  int ends[2], gone[2];
  CHECK(pipe(ends) == 0 && pipe(gone) == 0);
  int level = eventfd(1, 0), edge = eventfd(0, 0), once = eventfd(1, 0);
  int inner = epoll_create1(0);
  int edges = epoll_create1(0), shots = epoll_create1(0);
  int lent = epoll_create1(0);
  watch(outer, inner, EPOLLIN, 77);
  watch(inner, level, EPOLLIN, 0xfedcba9876543210);
  watch(edges, edge, EPOLLIN | EPOLLET, 2);
  watch(edges, ends[0], EPOLLIN | EPOLLRDHUP, 3);
  watch(shots, once, EPOLLIN | EPOLLONESHOT, 4);
  CHECK_EQUAL(next(shots), 4);
  CHECK_EQUAL(next(shots), 0);
  /* Two files, both watched as the number that they had. */
  watch(lent, gone[0], EPOLLIN, 5);
  int kept = dup(gone[0]);
  close(gone[0]);
  CHECK_EQUAL(dup2(level, gone[0]), gone[0]);
  watch(lent, gone[0], EPOLLIN, 6);
  watch_sockets();
  die_and_come_back();
  sockets_are_told_apart();
  CHECK_EQUAL(fcntl(outer, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(next(outer), 77);
  CHECK_EQUAL((long)next(inner), (long)0xfedcba9876543210);
  CHECK_EQUAL(next(edges), 0);
  eventfd_write(edge, 1);
  CHECK_EQUAL(next(edges), 2);
  CHECK_EQUAL(next(edges), 0);
  CHECK(write(ends[1], "x", 1) == 1);
  CHECK_EQUAL(next(edges), 3);
  CHECK_EQUAL(next(edges), 3);
  CHECK_EQUAL(next(shots), 0);
  struct epoll_event again = {.events = EPOLLIN, .data.u64 = 8};
  CHECK_EQUAL(epoll_ctl(shots, EPOLL_CTL_MOD, once, &again), 0);
  CHECK_EQUAL(next(shots), 8);
  CHECK_EQUAL(next(lent), 6);
  eventfd_t value;
  CHECK_EQUAL(eventfd_read(level, &value), 0);
  CHECK_EQUAL(next(lent), 0);
  CHECK_EQUAL(next(outer), 0);
  CHECK(write(gone[1], "x", 1) == 1);
  CHECK_EQUAL(next(lent), 5);
  char byte;
  CHECK_EQUAL(read(kept, &byte, 1), 1);
  return 0;
}
