/* fill.c - reads what the generation holds into the program's memory, with
 * several threads a processor: while some wait for flash the others check,
 * decode and have pages made.
 *
 * Invariant: when fill_memory() returns, the process has one thread again, and
 * its workers' thread ids are free: the program's threads want theirs. */
#include "restorer.h"

#include "../../runtime/arch/arch.h"
#include "../../runtime/arch/sys.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define UNIT_FRAMES 8 /* 2 MiB of pages */
#define WORKER_STACK ((uint64_t)128 << 10)
#define WORKERS_MAX 32
#define WORKERS_PER_PROCESSOR 4

static struct {
  const struct cache_plan *plan;
  _Atomic size_t next;     /* unit */
  _Atomic uint32_t failed; /* `failure` belongs to who set it */
  _Atomic uint32_t busy;   /* workers that are not through (futex) */
} filling;

struct worker {
  struct cache_worker *reading;
  long tid;
};

/* ---- one worker ---- */

static int copy(uint64_t address, const void *data, size_t count,
                void *context) {
  (void)context;
  memcpy((void *)address, data, count * CACHE_PAGE_SIZE);
  return 0;
}

/* A decoder reads again what it has put there, and puts more than it means to.
 * What others fill at this moment, or what is at two addresses, is copied. */
static void *target(uint64_t address, size_t count, void *context) {
  (void)context;
  return shared_memory_is_at(address, address + count * CACHE_PAGE_SIZE)
             ? NULL
             : (void *)address;
}

static void fill_units(struct cache_worker *reading) {
  static const struct cache_sink sink = {
      .page = copy, .target = target, .once = true};
  struct hwckpt_error error;
  size_t unit;
  while (!atomic_load(&filling.failed) &&
         (unit = atomic_fetch_add(&filling.next, 1)) <
             cache_plan_units(filling.plan)) {
    if (cache_plan_read(reading, unit, &sink, &error) == 0)
      continue;
    if (!atomic_exchange(&filling.failed, 1))
      failure = error;
    return;
  }
}

static void worker_main(void *argument) {
  const struct worker *worker = argument;
  fill_units(worker->reading);
  atomic_fetch_sub(&filling.busy, 1);
  SYS(futex, &filling.busy, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* ---- all of them ---- */

static unsigned processors(void) {
  uint64_t set[128] = {0};
  long bytes = SYS(sched_getaffinity, 0, sizeof set, set);
  unsigned count = 0;
  for (long i = 0; i < bytes / 8; i++)
    count += (unsigned)__builtin_popcountll(set[i]);
  return count;
}

static size_t workers_wanted(void) {
  size_t wanted = restorer.plan.threads
                      ? restorer.plan.threads
                      : (size_t)processors() * WORKERS_PER_PROCESSOR;
  size_t units = cache_plan_units(filling.plan);
  wanted = wanted < WORKERS_MAX ? wanted : WORKERS_MAX;
  wanted = wanted < units ? wanted : units;
  return wanted ? wanted : 1;
}

/* Fewer where there is no memory or no thread to be had. */
static bool start(struct worker *worker) {
  if (cache_worker_open(filling.plan, &worker->reading, NULL) < 0)
    return false;
  char *stack = arena_map(WORKER_STACK + CACHE_PAGE_SIZE);
  if (!stack)
    return false;
  atomic_fetch_add(&filling.busy, 1);
  worker->tid =
      arch_spawn(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                     CLONE_THREAD | CLONE_SYSVSEM,
                 stack + WORKER_STACK, arch_tls_fill(stack + WORKER_STACK),
                 worker_main, worker);
  if (worker->tid > 0)
    return true;
  atomic_fetch_sub(&filling.busy, 1);
  return false;
}

static void wait_until_gone(const struct worker *workers, size_t count) {
  uint32_t busy;
  while ((busy = atomic_load(&filling.busy)))
    SYS(futex, &filling.busy, FUTEX_WAIT_PRIVATE, busy, 0, 0, 0);
  long pid = SYS(getpid);
  for (size_t i = 0; i < count; i++)
    while (SYS(tgkill, pid, workers[i].tid, 0) == 0)
      SYS(sched_yield);
}

void fill_memory(struct cache_reader *reader, const struct cache_range *wanted,
                 size_t count, void (*prepare)(const struct cache_plan *)) {
  static struct worker workers[WORKERS_MAX];
  struct cache_plan *plan;
  struct cache_worker *own;
  size_t started = 0;
  if (cache_plan_make(reader, wanted, count, UNIT_FRAMES, &plan, &failure) <
          0 ||
      cache_worker_open(plan, &own, &failure) < 0)
    fail();
  filling.plan = plan;
  prepare(plan);
  size_t others = workers_wanted() - 1;
  while (started < others && start(&workers[started]))
    started++;
  fill_units(own);
  wait_until_gone(workers, started);
  if (atomic_load(&filling.failed))
    fail();
  cache_worker_close(own);
}
