/* counters.c - see counters.h. The checkpoint thread writes, any thread reads:
 * `turn` is odd while the counters change. They are the program's memory: a
 * restored program goes on counting from where it was captured. */
#include "counters.h"

#include "../../intrinsics/hwckptintrin.h"
#include "../support/live.h"
#include "events.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

static struct hwckpt_statistics counters;
static _Atomic uint32_t turn;

static void begin_change(void) {
  /* One that a capture caught in the middle is over. */
  atomic_store(&turn, atomic_load(&turn) | 1);
}

static void end_change(void) {
  atomic_store(&turn, (atomic_load(&turn) | 1) + 1);
}

void counters_taken(const struct checkpoint_result *result) {
  const Statistics *last = &result->statistics;
  struct hwckpt_statistics *c = &counters;
  begin_change();
  c->checkpoints++;
  c->generation = result->generation.number;
  c->method = (uint64_t)last->method;
  c->pause_ns = last->pause_ns;
  c->pause_total_ns += last->pause_ns;
  if (c->pause_max_ns < last->pause_ns)
    c->pause_max_ns = last->pause_ns;
  c->stop_ns = last->stop_ns;
  c->describe_ns = last->describe_ns;
  c->scan_ns = last->scan_ns;
  c->copy_ns = last->copy_ns;
  c->resume_ns = last->resume_ns;
  c->rounds = last->rounds;
  c->precopy_ns = last->precopy_ns;
  c->pages_scanned = last->pages_scanned;
  c->pages_written = last->pages_written;
  c->pages_precopied = last->pages_precopied;
  c->interval_ns = last->interval_ns;
  c->delayed_ns = last->delayed_ns;
  c->write_ns = last->write_ns;
  c->waited_ns = last->waited_ns;
  c->device_rate = last->device_rate;
  c->arm_ns = last->arm_ns;
  c->signal_ns = last->signal_ns;
  c->arrive_ns = last->arrive_ns;
  c->track_ns = last->track_ns;
  c->threads = last->threads;
  c->threads_at_sites = last->threads_at_sites;
  c->signalled = last->signalled;
  end_change();
}

/* A rollback takes the others back, but not its own number. */
static LIVE _Atomic uint64_t rollbacks, faults, threads_back;

void counters_rolled_back(bool fault) {
  atomic_fetch_add(&rollbacks, 1);
  atomic_fetch_add(&faults, fault);
}

void counters_thread_back(void) { atomic_fetch_add(&threads_back, 1); }

void counters_failed(void) {
  begin_change();
  counters.failures++;
  end_change();
}

EXPORTED int hwckpt_statistics(struct hwckpt_statistics *statistics,
                               size_t size) {
  struct hwckpt_statistics copy;
  uint32_t before;
  if (!events_here())
    return -ENOSYS;
  do {
    before = atomic_load(&turn);
    memcpy(&copy, &counters, sizeof copy);
    atomic_thread_fence(memory_order_acquire);
  } while (before & 1 || before != atomic_load(&turn));
  copy.rollbacks = atomic_load(&rollbacks);
  copy.thread_rollbacks = atomic_load(&threads_back);
  copy.faults_rolled_back = atomic_load(&faults);
  if (size > sizeof copy) {
    memset((char *)statistics + sizeof copy, 0, size - sizeof copy);
    size = sizeof copy;
  }
  memcpy(statistics, &copy, size);
  return 0;
}
