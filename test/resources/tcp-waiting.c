// TCP connections of the program that nobody has accepted yet are there to be
// accepted, in the order in which they were connected, over IPv4 and IPv6, also
// where the one that listens has any address or wants bytes first: of a process
// of the tree and of the one that listens itself, and one that was half closed.
// With bytes in one a checkpoint is refused, as long as they are there.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %t bytes 2>%t.err && FileCheck %s <%t.err
// CHECK: HWCKPT-E208: {{.*}}: descriptor {{[0-9]+}}: bytes for who has not accepted the connection yet
#include "behaviour.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
enum { FOUR, SIX, ANY, DEFERRED, KINDS };
union name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};
static int listening[KINDS], calls[KINDS][4], watch[KINDS];
static union name names[KINDS], callers[KINDS][4];
static pid_t child;
static int ready[2];
static int family(int which) { return which == SIX ? AF_INET6 : AF_INET; }
static void make(int which) {
  socklen_t length = sizeof names[which];
  int two = 2;
  union name *name = &names[which];
  name->any.sa_family = (sa_family_t)(which == ANY ? AF_INET6 : family(which));
  if (which == SIX)
    name->six.sin6_addr = in6addr_loopback;
  else if (which != ANY)
    name->four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK((listening[which] = socket(name->any.sa_family, SOCK_STREAM, 0)) >= 0);
  if (which == DEFERRED)
    CHECK(!setsockopt(listening[which], IPPROTO_TCP, TCP_DEFER_ACCEPT, &two,
                      sizeof two));
  if (bind(listening[which], &name->any, sizeof *name))
    SKIP("no loopback interface for this family");
  CHECK(listen(listening[which], 8) == 0);
  CHECK(getsockname(listening[which], &name->any, &length) == 0);
  if (which == ANY) { /* called as 127.0.0.1 */
    in_port_t port = name->six.sin6_port;
    name->four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    name->four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  struct epoll_event event = {.events = EPOLLIN};
  CHECK((watch[which] = epoll_create1(0)) >= 0);
  CHECK(!epoll_ctl(watch[which], EPOLL_CTL_ADD, listening[which], &event));
}
static socklen_t length_of(int which) {
  return which == SIX ? sizeof names[which].six : sizeof names[which].four;
}
static void call(int which, int fd) {
  CHECK(connect(fd, &names[which].any, length_of(which)) == 0);
}
static unsigned ago(int fd) {
  struct tcp_info facts;
  socklen_t length = sizeof facts;
  CHECK(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &facts, &length));
  return facts.tcpi_last_data_recv;
}
/* So that the kernel can tell which was first. */
static void later_than(int fd) {
  while (ago(fd) < 30)
    sched_yield();
}
static void put(int fd, const char *text) {
  CHECK_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}
static void expect(int fd, const char *text) {
  char got[32] = "";
  CHECK_EQUAL(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
  CHECK(strcmp(got, text) == 0);
}
static _Noreturn void be_child(void) {
  int called[KINDS];
  char byte;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* or a failure would last */
  for (int i = 0; i < KINDS; i++) {
    CHECK((called[i] = socket(family(i), SOCK_STREAM, 0)) >= 0);
    call(i, called[i]);
    later_than(called[i]);
  }
  CHECK(write(ready[1], "r", 1) == 1);
  for (int i = 0; i < KINDS; i++) {
    if (i == DEFERRED)
      put(called[i], "early");
    expect(called[i], "welcome");
    put(called[i], "second");
    CHECK_EQUAL(recv(called[i], &byte, 1, 0), 0);
  }
  _exit(4);
}
static int take(int which) {
  struct pollfd look = {listening[which], POLLIN, 0};
  struct epoll_event event;
  CHECK_EQUAL(poll(&look, 1, 10000), 1);
  CHECK_EQUAL(epoll_wait(watch[which], &event, 1, 10000), 1);
  int fd = accept(listening[which], 0, 0);
  CHECK(fd >= 0);
  return fd;
}
static void same_peer(int which, int call, int fd) {
  union name peer;
  socklen_t length = sizeof peer;
  CHECK(!getpeername(fd, &peer.any, &length));
  CHECK_EQUAL(peer.four.sin_port, callers[which][call].four.sin_port);
}
static void nobody_came(int which) {
  struct epoll_event event;
  CHECK_EQUAL(epoll_wait(watch[which], &event, 1, 0), 0);
}
static void look(int which) {
  char byte;
  int one = take(which);
  same_peer(which, 1, one);
  put(calls[which][1], "first");
  expect(one, "first");
  int two = take(which);
  put(two, "welcome");
  expect(two, "second");
  CHECK(!close(two));
  int three = take(which);
  same_peer(which, 0, three);
  CHECK_EQUAL(recv(three, &byte, 1, 0), 0);
  put(three, "half");
  expect(calls[which][0], "half");
  nobody_came(which);
}
static void look_at_deferred(void) {
  int on = 0;
  socklen_t length = sizeof on;
  CHECK(!getsockopt(listening[DEFERRED], IPPROTO_TCP, TCP_DEFER_ACCEPT, &on,
                    &length));
  CHECK(on > 0);
  int two = take(DEFERRED);
  expect(two, "early");
  put(two, "welcome");
  expect(two, "second");
  CHECK(!close(two));
  nobody_came(DEFERRED);
}
/* Made in the other order than connected. */
static void make_calls(int which) {
  socklen_t length = sizeof callers[which][0];
  for (int i = 0; i < 2; i++)
    CHECK((calls[which][i] = socket(family(which), SOCK_STREAM, 0)) >= 0);
  call(which, calls[which][1]);
  later_than(calls[which][1]);
  CHECK(!getsockname(calls[which][1], &callers[which][1].any, &length));
}
static void check_refusal(void) {
  make(FOUR);
  make_calls(FOUR);
  put(calls[FOUR][1], "early");
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  int one = accept(listening[FOUR], 0, 0);
  expect(one, "early");
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
}
int main(int argc, char **argv) {
  char byte;
  int status;
  (void)argv;
  if (argc > 1) {
    check_refusal();
    return 0;
  }
  CHECK(pipe(ready) == 0);
  for (int i = 0; i < KINDS; i++)
    make(i);
  for (int i = 0; i < DEFERRED; i++)
    make_calls(i);
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child();
  CHECK(read(ready[0], &byte, 1) == 1);
  for (int i = 0; i < DEFERRED; i++) {
    socklen_t length = sizeof callers[i][0];
    call(i, calls[i][0]);
    CHECK(!getsockname(calls[i][0], &callers[i][0].any, &length));
    CHECK(shutdown(calls[i][0], SHUT_WR) == 0);
  }
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  alarm(60); /* or a failure would last */
  nobody_came(DEFERRED);
  for (int i = 0; i < DEFERRED; i++)
    look(i);
  look_at_deferred();
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
  return 0;
}
