// A child that clone() began ends when its function returns, and a process when
// its last thread makes the system call exit, though the runtime has threads in
// both; with the status, and also while other threads have just ended.
// RUN: %behaviour %s -o %t && %restored -- %t
// RUN: %clang -O2 -pthread -D_GNU_SOURCE -fhwckpt -I%S/../Inputs %s -static -o %t && %restored -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/wait.h>
static int to_child[2], from_child[2];
static void *nothing(void *unused) { return unused; }
static int child(void *argument) {
  pthread_t thread;
  char byte = 'c';
  CHECK_EQUAL(close(to_child[1]), 0); // to end with its parent
  CHECK_EQUAL(write(from_child[1], &byte, 1), 1);
  if (read(to_child[0], &byte, 1) != 1)
    _exit(1);
  if (argument) {
    CHECK_EQUAL(pthread_create(&thread, NULL, nothing, NULL), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
  }
  return 7;
}
static char stack[1 << 17] __attribute__((aligned(16)));
static pid_t begin(int kind) {
  if (kind < 2)
    return clone(child, stack + sizeof stack, SIGCHLD, kind ? stack : NULL);
  pid_t pid = fork();
  if (pid == 0)
    syscall(SYS_exit, child(kind == 3 ? stack : NULL));
  return pid;
}
int main(void) {
  pid_t pids[4];
  int status;
  char byte;
  CHECK_EQUAL(pipe(to_child), 0);
  CHECK_EQUAL(pipe(from_child), 0);
  for (int i = 0; i < 4; i++) {
    pids[i] = begin(i);
    CHECK(pids[i] > 0);
    CHECK_EQUAL(read(from_child[0], &byte, 1), 1);
  }
  die_and_come_back();
  CHECK_EQUAL(write(to_child[1], "1234", 4), 4);
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(waitpid(pids[i], &status, 0), pids[i]);
    CHECK_EQUAL(status, 7 << 8);
  }
  return 0;
}
