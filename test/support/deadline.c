// A process that has a deadline (SCHED_DEADLINE) may make no threads that would
// inherit it: it gets the runtime's threads all the same, is in the checkpoint
// of its parent, and comes back with its deadline as it was.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <stdint.h>
#include <sys/wait.h>
#define RESET_ON_FORK 1
#define DEADLINE 6
struct attributes { /* of sched_setattr(2), its first version */
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};
static int to_child[2], from_child[2];
static struct attributes scheduling(void) {
  struct attributes attributes = {.size = sizeof attributes};
  CHECK_EQUAL(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0),
              0);
  return attributes;
}
static _Noreturn void child(void) {
  struct attributes wanted = {.size = sizeof wanted,
                              .policy = DEADLINE,
                              .runtime = 1000000,
                              .deadline = 50000000,
                              .period = 50000000};
  char byte = syscall(SYS_sched_setattr, 0, &wanted, 0) == 0 ? 'y' : 'n';
  CHECK_EQUAL(close(to_child[1]), 0); /* to end with its parent */
  CHECK_EQUAL(write(from_child[1], &byte, 1), 1);
  if (read(to_child[0], &byte, 1) != 1)
    _exit(1);
  struct attributes has = scheduling();
  CHECK_EQUAL(has.policy, DEADLINE);
  CHECK_EQUAL(has.flags & RESET_ON_FORK, 0);
  CHECK_EQUAL(has.period, wanted.period);
  _exit(0);
}
int main(void) {
  int status;
  char byte;
  CHECK_EQUAL(pipe(to_child), 0);
  CHECK_EQUAL(pipe(from_child), 0);
  pid_t pid = fork();
  if (pid == 0)
    child();
  CHECK_EQUAL(read(from_child[0], &byte, 1), 1);
  if (byte == 'n') {
    kill(pid, SIGKILL);
    SKIP("no deadlines here");
  }
  die_and_come_back();
  CHECK_EQUAL(write(to_child[1], "c", 1), 1);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK_EQUAL(status, 0);
  return 0;
}
