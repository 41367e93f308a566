// Waiting: no call sees EINTR, and every wait ends.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>
static void check(const char *what, int got, int wanted) {
  if (got != wanted) {
    printf("%s: %d, errno %d\n", what, got, errno);
    fflush(stdout);
    _exit(1);
  }
}
static void *sleeper(void *unused) {
  for (int i = 0; i < 10; i++)
    check("usleep (thread)", usleep(110000), 0);
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, sleeper, NULL);
  int ends[2];
  check("pipe", pipe(ends), 0);
  for (int i = 0; i < 6; i++) {
    check("usleep", usleep(40000), 0);
    check("poll",
          poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 60), 0);
    check("nanosleep", nanosleep(&(struct timespec){.tv_nsec = 40000000}, NULL),
          0);
    fd_set reading;
    FD_ZERO(&reading);
    FD_SET(ends[0], &reading);
    check("select",
          select(ends[0] + 1, &reading, NULL, NULL,
                 &(struct timeval){.tv_usec = 60000}),
          0);
    printf("%d\n", i);
  }
  pthread_join(thread, NULL);
  return 10;
}
