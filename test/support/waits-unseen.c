// Relative waits that have lasted for long when the program is stopped for the
// first time end when they would have ended.
// RUN: %behaviour %s -o %t && %hwckpt run -o on_unsupported=warn -- %t
#include "behaviour.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
enum { MILLISECONDS = 2000, FIRST_STOP = 1500 };
static const struct timespec span = {.tv_sec = MILLISECONDS / 1000};
static int pair[2], epoll, listening;
static void call_usleep(void) { usleep(MILLISECONDS * 1000); }
static void call_nanosleep(void) { nanosleep(&span, NULL); }
static void call_poll(void) { poll(NULL, 0, MILLISECONDS); }
static void call_ppoll(void) { ppoll(NULL, 0, &span, NULL); }
static void call_epoll(void) {
  struct epoll_event event;
  epoll_wait(epoll, &event, 1, MILLISECONDS);
}
static void call_sigtimedwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  sigtimedwait(&set, NULL, &span);
}
static void call_recv(void) {
  char byte;
  CHECK(recv(pair[0], &byte, 1, 0) < 0);
  CHECK(recv(pair[0], &byte, 1, MSG_DONTWAIT) < 0);
}
static void call_recvmmsg(void) {
  struct mmsghdr message = {.msg_len = 0};
  CHECK(recvmmsg(pair[0], &message, 1, 0, NULL) < 0);
}
static void call_accept(void) { CHECK(accept(listening, NULL, NULL) < 0); }
static struct wait {
  const char *name;
  void (*call)(void);
  pthread_t thread;
  double took;
} waits[] = {
    {"usleep", call_usleep, 0, 0},
    {"nanosleep", call_nanosleep, 0, 0},
    {"poll", call_poll, 0, 0},
    {"ppoll", call_ppoll, 0, 0},
    {"epoll_wait", call_epoll, 0, 0},
    {"sigtimedwait", call_sigtimedwait, 0, 0},
    {"recv", call_recv, 0, 0},
    {"accept", call_accept, 0, 0},
    {"recvmmsg", call_recvmmsg, 0, 0},
};
enum { COUNT = sizeof waits / sizeof waits[0] };
static _Atomic int ended;
static void *work(void *argument) {
  struct wait *wait = argument;
  double begin = now();
  wait->call();
  wait->took = now() - begin;
  ended++;
  return NULL;
}
int main(void) {
  if (access("/proc/self/sched", R_OK) != 0)
    SKIP("the kernel does not tell when threads ran");
  struct timeval time = {.tv_sec = MILLISECONDS / 1000};
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  listening = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_EQUAL(listen(listening, 1), 0);
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  epoll = epoll_create1(0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (int i = 0; i < COUNT; i++)
    pthread_create(&waits[i].thread, NULL, work, &waits[i]);
  usleep(FIRST_STOP * 1000);
  while (ended < COUNT)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  int failed = 0;
  for (int i = 0; i < COUNT; i++) {
    pthread_join(waits[i].thread, NULL);
    double wanted = MILLISECONDS / 1e3;
    /* Half of what a wait that began anew would take longer. */
    if (waits[i].took < wanted || waits[i].took > wanted + FIRST_STOP / 2e3) {
      dprintf(2, "%s: %.3f s\n", waits[i].name, waits[i].took);
      failed = 1;
    }
  }
  return failed;
}
