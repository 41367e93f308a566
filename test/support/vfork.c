// Children made by vfork() and posix_spawn() are on their way while the program
// is stopped again and again: no stop fails, every child comes to its end, and
// one that runs in its parent's memory passes sites that are armed.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
extern char **environ;
static _Atomic int ends_now;
static _Atomic long made[3];
static void expect_status(pid_t child, int wanted) {
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), wanted);
}
static void *spawns(void *unused) {
  static char *arguments[] = {"sh", "-c", "exit 7", NULL};
  for (; !ends_now; made[0]++) {
    pid_t child;
    CHECK_EQUAL(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ),
                0);
    expect_status(child, 7);
  }
  return unused;
}
static void *vforks(void *unused) {
  for (; !ends_now; made[1]++) {
    pid_t child = vfork();
    if (child == 0) {
      for (volatile int i = 0; i < 20000; i++)
        ;
      _exit(8);
    }
    expect_status(child, 8);
  }
  return unused;
}
/* The child waits for what another thread of the parent does. */
static int ends[2];
static _Atomic int waiter_ends;
static void *vforks_and_waits(void *unused) {
  for (; !ends_now; made[2]++) {
    pid_t child = vfork();
    if (child == 0) {
      char byte;
      _exit(read(ends[0], &byte, 1) == 1 ? 9 : 1);
    }
    expect_status(child, 9);
  }
  waiter_ends = 1;
  return unused;
}
static void *feeds(void *unused) {
  while (!waiter_ends) {
    CHECK(write(ends[1], "x", 1) == 1 || errno == EAGAIN);
    usleep(3000);
  }
  return unused;
}
static void go_through(int stops) {
  long before[3];
  for (int i = 0; i < 3; i++)
    before[i] = made[i];
  double begin = now();
  while (stops-- > 0 && now() - begin < 20)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (int i = 0; i < 3; i++)
    while (made[i] == before[i]) {
      CHECK(now() - begin < 60);
      sched_yield();
    }
}
int main(void) {
  void *(*const works[])(void *) = {spawns, vforks, vforks_and_waits, feeds};
  pthread_t threads[4];
  CHECK_EQUAL(pipe(ends), 0);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, works[i], NULL), 0);
  go_through(40);
  ends_now = 1;
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  ends_now = waiter_ends = 0;
  die_and_come_back();
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, works[i], NULL), 0);
  go_through(20);
  ends_now = 1;
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  return 0;
}
