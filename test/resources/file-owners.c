// Who gets which signal when something happens at an open file comes back, with
// O_ASYNC: a process, its group, a thread of it; the signal of a lease; what is
// known of a file's data. Owners outside the program and directories whose
// changes are told are refused.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t 2>&1 | FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}: its signals go to
// CHECK: HWCKPT-E208: {{.*}}: the program is told of changes in it (F_NOTIFY)
#include "behaviour.h"
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
enum { LONG = 4, SHORT = 2 }; /* RWH_WRITE_LIFE_ */
static int pipes[2], sockets[2];
static pthread_barrier_t met;
static siginfo_t comes(int number) {
  sigset_t set;
  siginfo_t info;
  sigemptyset(&set);
  sigaddset(&set, number);
  CHECK_EQUAL(sigtimedwait(&set, &info, &(struct timespec){10, 0}), number);
  return info;
}
static void *work(void *unused) {
  struct f_owner_ex self = {F_OWNER_TID, gettid()};
  CHECK(fcntl(pipes[0], F_SETOWN_EX, &self) == 0);
  CHECK(fcntl(pipes[0], F_SETSIG, SIGRTMIN + 1) == 0);
  CHECK(fcntl(pipes[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met); /* restored */
  pthread_barrier_wait(&met); /* written */
  CHECK_EQUAL(comes(SIGRTMIN + 1).si_fd, pipes[0]);
  CHECK(fcntl(pipes[0], F_GETOWN_EX, &self) == 0);
  CHECK(self.type == F_OWNER_TID && self.pid == gettid());
  return unused;
}
static void is_refused(void) {
  CHECK(fcntl(sockets[1], F_SETOWN, getppid()) == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  CHECK(fcntl(sockets[1], F_SETOWN, 0) == 0);
  int folder = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(folder >= 0 && fcntl(folder, F_NOTIFY, DN_DELETE) == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  CHECK(close(folder) == 0);
}
static int hint(int fd, uint64_t wanted) {
  uint64_t is;
  CHECK(fcntl(fd, F_GET_RW_HINT, &is) == 0);
  return is == wanted;
}
int main(void) {
  pthread_t thread;
  sigset_t set;
  uint64_t life = LONG, other = SHORT;
  char name[] = "/tmp/hwckpt-test-owner-XXXXXX";
  int file = mkostemp(name, O_CLOEXEC);
  CHECK(file >= 0 && close(file) == 0);
  sigemptyset(&set);
  sigaddset(&set, SIGIO);
  sigaddset(&set, SIGRTMIN + 1);
  sigaddset(&set, SIGRTMIN + 2);
  CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  CHECK(pipe(pipes) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
  is_refused();
  pthread_barrier_init(&met, NULL, 2);
  pthread_create(&thread, NULL, work, NULL);
  pthread_barrier_wait(&met);
  CHECK(fcntl(sockets[0], F_SETOWN, getpid()) == 0);
  CHECK(fcntl(sockets[0], F_SETFL, O_ASYNC) == 0);
  CHECK(fcntl(sockets[1], F_SETOWN, -getpgrp()) == 0);
  file = open(name, O_RDONLY);
  CHECK(fcntl(file, F_SETLEASE, F_RDLCK) == 0);
  CHECK(fcntl(file, F_SETSIG, SIGRTMIN + 2) == 0);
  CHECK(fcntl(file, F_SET_RW_HINT, &life) == 0);
  if (!came_back()) {
    fcntl(file, F_SET_RW_HINT, &other);
    die();
  }
  CHECK(hint(file, LONG));
  CHECK_EQUAL(fcntl(sockets[1], F_GETOWN), -getpgrp());
  CHECK_EQUAL(fcntl(sockets[0], F_GETOWN), getpid());
  CHECK(write(sockets[1], "x", 1) == 1);
  comes(SIGIO);
  pthread_barrier_wait(&met);
  CHECK(write(pipes[1], "x", 1) == 1);
  pthread_barrier_wait(&met);
  pthread_join(thread, NULL);
  CHECK(open(name, O_WRONLY | O_NONBLOCK) < 0);
  CHECK_EQUAL(comes(SIGRTMIN + 2).si_fd, file);
  CHECK(unlink(name) == 0 && __builtin_ckpt_save() == 0);
  return 0;
}
