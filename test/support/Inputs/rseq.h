/* rseq.h - whether the kernel keeps the processor's number in an area. */
#ifndef RSEQ_H
#define RSEQ_H

#include "behaviour.h"
#include <sys/rseq.h>

static struct rseq *of_libc(void) {
  return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void check(const volatile struct rseq *rseq) {
  cpu_set_t all, one;
  CHECK_EQUAL(sched_getaffinity(0, sizeof all, &all), 0);
  int seen = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && seen < 4; cpu++) {
    if (!CPU_ISSET(cpu, &all))
      continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQUAL(rseq->cpu_id, cpu);
    CHECK_EQUAL(sched_getcpu(), cpu);
    seen++;
  }
  CHECK(seen > 0);
  CHECK_EQUAL(sched_setaffinity(0, sizeof all, &all), 0);
}

#endif
