// Kinds of descriptors that checkpoints do not cover: each is named when the
// checkpoint is taken, works on in the program, and is named again when it is
// restored as closed at the other end.
// RUN: %behaviour %s -o %t && for kind in socketpair listening datagram epoll eventfd timerfd inotify signalfd fifo pidfd; do \
// RUN:   echo "kind $kind"; %restored -- %t $kind %t.fifo || exit 1; done 2>&1 | FileCheck %s
// CHECK-LABEL: {{^}}kind socketpair
// CHECK: HWCKPT-E205: not part of the checkpoint: socket:[{{[0-9]+}}]: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: socket:[{{[0-9]+}}]: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind listening
// CHECK: HWCKPT-E205: not part of the checkpoint: socket:[{{[0-9]+}}]: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: socket:[{{[0-9]+}}]: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind datagram
// CHECK: HWCKPT-E205: not part of the checkpoint: socket:[{{[0-9]+}}]: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: socket:[{{[0-9]+}}]: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind epoll
// CHECK: HWCKPT-E205: not part of the checkpoint: anon_inode:[eventpoll]: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: anon_inode:[eventpoll]: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind eventfd
// CHECK: HWCKPT-E205: not part of the checkpoint: anon_inode:[eventfd{{.*}}]: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: anon_inode:[eventfd{{.*}}]: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind timerfd
// CHECK: HWCKPT-E205: not part of the checkpoint: anon_inode:[timerfd]: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: anon_inode:[timerfd]: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind inotify
// CHECK: HWCKPT-E205: not part of the checkpoint: anon_inode:inotify: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: anon_inode:inotify: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind signalfd
// CHECK: HWCKPT-E205: not part of the checkpoint: anon_inode:[signalfd]: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: anon_inode:[signalfd]: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind fifo
// CHECK: HWCKPT-E205: not part of the checkpoint: {{.*}}.c.tmp.fifo: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: {{.*}}.c.tmp.fifo: descriptor 3
// CHECK-DAG: came back
// CHECK-LABEL: {{^}}kind pidfd
// CHECK: HWCKPT-E205: not part of the checkpoint: {{.*pidfd.*}}: descriptor 3
// CHECK: works on
// CHECK-DAG: HWCKPT-E316: descriptor's other end is outside the program: {{.*pidfd.*}}: descriptor 3
// CHECK-DAG: came back
#include "behaviour.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
static int pair[2];
static char path[4096];
static int open_socketpair(void) {
  return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}
static int works_socketpair(void) {
  char byte;
  return write(4, "x", 1) == 1 && read(3, &byte, 1) == 1;
}
static int open_listening(void) {
  struct sockaddr_in any = {.sin_family = AF_INET};
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, 1);
}
static int works_listening(void) {
  int is = 0;
  socklen_t length = sizeof is;
  return getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &is, &length) == 0 && is;
}
static int open_datagram(void) { return socket(AF_INET, SOCK_DGRAM, 0) < 0; }
static int works_datagram(void) {
  struct sockaddr_in any = {.sin_family = AF_INET};
  return bind(3, (struct sockaddr *)&any, sizeof any) == 0;
}
static int open_epoll(void) { return epoll_create1(0) < 0; }
static int works_epoll(void) {
  struct epoll_event event;
  return epoll_wait(3, &event, 1, 0) == 0;
}
static int open_eventfd(void) { return eventfd(5, 0) < 0; }
static int works_eventfd(void) {
  eventfd_t value;
  return eventfd_read(3, &value) == 0 && value == 5;
}
static int open_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, 0) < 0; }
static int works_timerfd(void) {
  struct itimerspec soon = {.it_value.tv_nsec = 1};
  unsigned long ticks;
  return timerfd_settime(3, 0, &soon, NULL) == 0 &&
         read(3, &ticks, sizeof ticks) == sizeof ticks;
}
static int open_inotify(void) { return inotify_init() < 0; }
static int works_inotify(void) {
  return inotify_add_watch(3, "/", IN_CREATE) > 0;
}
static int open_signalfd(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  return sigprocmask(SIG_BLOCK, &set, NULL) || signalfd(-1, &set, 0) < 0;
}
static int works_signalfd(void) {
  struct signalfd_siginfo info;
  return raise(SIGUSR2) == 0 && read(3, &info, sizeof info) == sizeof info;
}
static int open_fifo(void) {
  unlink(path);
  return mkfifo(path, 0600) || open(path, O_RDWR) < 0;
}
static int works_fifo(void) {
  char byte;
  return write(3, "x", 1) == 1 && read(3, &byte, 1) == 1;
}
static int open_pidfd(void) { return syscall(SYS_pidfd_open, getpid(), 0) < 0; }
static int works_pidfd(void) {
  return syscall(SYS_pidfd_send_signal, 3, 0, NULL, 0) == 0;
}
static const struct {
  const char *name;
  int (*open)(void);
  int (*works)(void);
} kinds[] = {
    {"socketpair", open_socketpair, works_socketpair},
    {"listening", open_listening, works_listening},
    {"datagram", open_datagram, works_datagram},
    {"epoll", open_epoll, works_epoll},
    {"eventfd", open_eventfd, works_eventfd},
    {"timerfd", open_timerfd, works_timerfd},
    {"inotify", open_inotify, works_inotify},
    {"signalfd", open_signalfd, works_signalfd},
    {"fifo", open_fifo, works_fifo},
    {"pidfd", open_pidfd, works_pidfd},
};
/* Reads as at its end, or takes no byte: nobody is at the other side. */
static int is_closed(void) {
  struct pollfd look = {.fd = 3, .events = POLLIN | POLLOUT};
  return poll(&look, 1, 0) == 1 && look.revents & (POLLHUP | POLLERR);
}
int main(int argc, char **argv) {
  size_t i = 0;
  CHECK(argc == 3);
  strcpy(path, argv[2]);
  while (strcmp(kinds[i].name, argv[1]) != 0)
    CHECK(++i < sizeof kinds / sizeof kinds[0]);
  CHECK_EQUAL(kinds[i].open(), 0);
  CHECK(fcntl(3, F_GETFD) >= 0);
  if (!came_back()) {
    CHECK(kinds[i].works());
    dprintf(2, "works on\n");
    die();
  }
  CHECK(is_closed());
  dprintf(2, "came back\n");
  return 0;
}
