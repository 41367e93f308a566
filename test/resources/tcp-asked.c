// A TCP connection that was asked for and not answered yet is asked for again:
// it comes about when there is room where it is to wait, for who polls, for
// edge-triggered epoll and for who waits in connect(), over IPv4 and IPv6.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// Where nobody listens any more the program is told so.
// RUN: ALONE=1 %restored_by_all -- %t outside
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
enum { FOUR, SIX, KINDS, CALLS = 3 };
static int listening[KINDS], waiting[KINDS][2], calls[KINDS][CALLS], epoll;
static struct sockaddr_in6 names[KINDS];
static bool refused;

static int state_of(int fd) {
  struct tcp_info facts = {0};
  socklen_t length = sizeof facts;
  CHECK_EQUAL(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &facts, &length), 0);
  return facts.tcpi_state;
}
static int ask(int kind, int flags) {
  int fd = socket(names[kind].sin6_family, SOCK_STREAM | flags, 0);
  CHECK(fd >= 0);
  if (flags)
    CHECK(connect(fd, (void *)&names[kind], sizeof names[kind]) == 0 ||
          errno == EINPROGRESS);
  return fd;
}
static void make(int kind) {
  struct sockaddr_in6 *name = &names[kind];
  socklen_t length = sizeof *name;
  name->sin6_family = kind == SIX ? AF_INET6 : AF_INET;
  if (kind == SIX)
    name->sin6_addr = in6addr_loopback;
  else
    ((struct sockaddr_in *)name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listening[kind] = socket(name->sin6_family, SOCK_STREAM, 0);
  if (bind(listening[kind], (void *)name, length))
    SKIP("no loopback interface for this family");
  CHECK_EQUAL(listen(listening[kind], 0), 0);
  CHECK_EQUAL(getsockname(listening[kind], (void *)name, &length), 0);
}
/* One may wait; the next is not answered. */
static void call(int kind) {
  waiting[kind][0] = ask(kind, SOCK_NONBLOCK);
  struct pollfd look = {waiting[kind][0], POLLOUT, 0};
  CHECK_EQUAL(poll(&look, 1, 10000), 1);
  for (int i = 0; i < CALLS; i++) {
    calls[kind][i] = ask(kind, i ? SOCK_NONBLOCK : 0);
    CHECK(!i || state_of(calls[kind][i]) == TCP_SYN_SENT);
  }
  struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.u32 = kind};
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, calls[kind][2], &event), 0);
}
static void *connects(void *argument) {
  int kind = *(int *)argument;
  int result =
      connect(calls[kind][0], (void *)&names[kind], sizeof names[kind]);
  int error = errno;
  CHECK(refused ? result == -1 && error == ECONNREFUSED : result == 0);
  return argument;
}
static void is_answered(int fd) {
  struct pollfd look = {fd, POLLOUT, 0};
  int error = -1;
  socklen_t length = sizeof error;
  CHECK_EQUAL(poll(&look, 1, 30000), 1);
  CHECK_EQUAL(look.revents & (POLLOUT | POLLERR),
              refused ? POLLOUT | POLLERR : POLLOUT);
  CHECK_EQUAL(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
  CHECK_EQUAL(error, refused ? ECONNREFUSED : 0);
}
/* Somebody else, who listens as long as the program has not been killed. */
static void hand_to_somebody(void) {
  pid_t program = getpid();
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == program)
      pause();
    _exit(0);
  }
  for (int kind = 0; kind < KINDS; kind++)
    CHECK_EQUAL(close(listening[kind]), 0);
}
int main(int argc, char **argv) {
  static int kinds[KINDS] = {FOUR, SIX};
  struct epoll_event events[KINDS];
  pthread_t threads[KINDS];
  (void)argv;
  CHECK((epoll = epoll_create1(0)) >= 0);
  for (int kind = 0; kind < KINDS; kind++)
    make(kind);
  refused = argc > 1;
  if (refused)
    hand_to_somebody();
  for (int kind = 0; kind < KINDS; kind++) {
    call(kind);
    CHECK_EQUAL(pthread_create(&threads[kind], 0, connects, &kinds[kind]), 0);
    while (state_of(calls[kind][0]) != TCP_SYN_SENT)
      sched_yield();
  }
  CHECK_EQUAL(epoll_wait(epoll, events, KINDS, 0), 0);
  die_and_come_back();
  for (int kind = 0; kind < KINDS && !refused; kind++)
    CHECK_EQUAL(listen(listening[kind], 8), 0); /* all at once */
  for (int kind = 0; kind < KINDS; kind++)
    for (int i = 0; i < 1 + CALLS && !refused; i++)
      CHECK(accept(listening[kind], 0, 0) >= 0);
  for (int kind = 0; kind < KINDS; kind++) {
    is_answered(calls[kind][1]);
    is_answered(calls[kind][2]);
    CHECK_EQUAL(pthread_join(threads[kind], 0), 0);
  }
  for (int seen = 0; seen < KINDS;) {
    int count = epoll_wait(epoll, events, KINDS, 10000);
    CHECK(count > 0);
    seen += count;
  }
  return 0;
}
