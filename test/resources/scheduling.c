// Each thread is scheduled as it was, its input and output too; the processors
// come back that the program chose itself, others are of who restores.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: taskset -c 0 %hwckpt run -- %t others || test $? = 137
// RUN: %hwckpt restore
#include "behaviour.h"
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
static pthread_barrier_t met;
static cpu_set_t first;
static void *work(void *unused) {
  cpu_set_t set;
  int tid = (int)syscall(SYS_gettid);
  struct sched_param parameter = {0};
  CHECK_EQUAL(setpriority(PRIO_PROCESS, (id_t)tid, 7), 0);
  CHECK_EQUAL(
      sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &parameter), 0);
  int one = 0;
  while (!CPU_ISSET(one, &first))
    one++;
  CPU_ZERO(&set);
  CPU_SET(one, &set);
  CHECK_EQUAL(sched_setaffinity(0, sizeof set, &set), 0);
  /* Best effort, the last but one. */
  CHECK_EQUAL(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6), 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(syscall(SYS_ioprio_get, 1, 0), 2 << 13 | 6);
  tid = (int)syscall(SYS_gettid);
  CHECK_EQUAL(getpriority(PRIO_PROCESS, (id_t)tid), 7);
  CHECK_EQUAL(sched_getscheduler(0), SCHED_BATCH | SCHED_RESET_ON_FORK);
  CHECK_EQUAL(sched_getaffinity(0, sizeof set, &set), 0);
  if (CPU_COUNT(&first) == 1) /* which is no choice */
    return NULL;
  CHECK_EQUAL(CPU_COUNT(&set), 1);
  CHECK(CPU_ISSET(one, &set));
  return NULL;
}

/* struct sched_attr, its first version */
struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

/* By deadline, where that is allowed: not to threads of fewer processors. */
static void *meet_deadlines(void *unused) {
  struct attributes wanted = {.size = sizeof wanted,
                              .policy = SCHED_DEADLINE,
                              .runtime = 2000000,
                              .deadline = 10000000,
                              .period = 20000000},
                    got = {0};
  int allowed = syscall(SYS_sched_setattr, 0, &wanted, 0) == 0;
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(syscall(SYS_sched_getattr, 0, &got, sizeof got, 0), 0);
  if (!allowed)
    return unused;
  CHECK_EQUAL(got.policy, SCHED_DEADLINE);
  CHECK_EQUAL(got.runtime, 2000000);
  CHECK_EQUAL(got.deadline, 10000000);
  CHECK_EQUAL(got.period, 20000000);
  return unused;
}

/* By priority, where that is allowed. */
static void *hurry(void *unused) {
  struct sched_param parameter = {.sched_priority = 3};
  int policy = SCHED_FIFO;
  if (sched_setscheduler(0, policy, &parameter) != 0) {
    policy = SCHED_IDLE;
    parameter.sched_priority = 0;
    CHECK_EQUAL(sched_setscheduler(0, policy, &parameter), 0);
  }
  int priority = parameter.sched_priority;
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(sched_getscheduler(0), policy);
  CHECK_EQUAL(sched_getparam(0, &parameter), 0);
  CHECK_EQUAL(parameter.sched_priority, priority);
  return unused;
}

int main(int argc, char **argv) {
  pthread_t thread, other, third;
  CHECK_EQUAL(sched_getaffinity(0, sizeof first, &first), 0);
  int priority = getpriority(PRIO_PROCESS, (id_t)getpid());
  pthread_barrier_init(&met, NULL, 4);
  pthread_create(&thread, NULL, work, NULL);
  pthread_create(&other, NULL, hurry, NULL);
  pthread_create(&third, NULL, meet_deadlines, NULL);
  pthread_barrier_wait(&met);
  die_and_come_back();
  cpu_set_t set;
  CHECK_EQUAL(sched_getaffinity(0, sizeof set, &set), 0);
  if (argc == 1)
    CHECK(CPU_EQUAL(&set, &first));
  else
    CHECK_EQUAL(CPU_COUNT(&set), sysconf(_SC_NPROCESSORS_ONLN));
  CHECK_EQUAL(getpriority(PRIO_PROCESS, (id_t)getpid()), priority);
  CHECK_EQUAL(sched_getscheduler(0), SCHED_OTHER);
  pthread_barrier_wait(&met);
  pthread_join(thread, NULL);
  pthread_join(other, NULL);
  pthread_join(third, NULL);
  return 0;
}
