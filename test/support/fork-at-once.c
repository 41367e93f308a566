// A thread forks before the pthread_create() that made it has returned, which
// has just taken the stop signal: the child takes part in checkpoints.
// REQUIRES: root
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/wait.h>

static pid_t child;

static void *fork_at_once(void *argument) {
  const int *ends = argument;
  char byte;
  child = fork();
  if (child)
    return NULL;
  close(ends[1]);
  _exit(read(ends[0], &byte, 1) == 0 ? 3 : 4); // when its parent has ended
}

int main(void) {
  // On one processor, and by its priority: it runs before who makes it goes on.
  const struct sched_param first = {.sched_priority = 1};
  cpu_set_t one;
  pthread_attr_t attributes;
  pthread_t thread;
  int ends[2], status;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  pthread_attr_init(&attributes);
  pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
  pthread_attr_setschedparam(&attributes, &first);
  CHECK_EQUAL(pthread_create(&thread, &attributes, fork_at_once, ends), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  die_and_come_back();
  CHECK_EQUAL(kill(child, SIGKILL), 0);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(WTERMSIG(status), SIGKILL);
  return 0;
}
