/* ring_thread.c - see ring_thread.h.
 *
 * Invariant: it has the rights of who makes the ring, for ever, and is made
 * before the program has those that it took: so it is made only where these are
 * the same.
 */
#include "ring_thread.h"

#include "../arch/sys.h"
#include "../support/task.h"

#define PROCESSORS 8192u

/* The only one that the thread may run on and 1; 0: there are several, or, in a
 * namespace of processes, it has another id. */
static uint32_t processor_of(int tid) {
  uint64_t mask[PROCESSORS / 64];
  uint32_t only = 0;
  long bytes = task_never_stops(tid)
                   ? SYS(sched_getaffinity, tid, sizeof(mask), mask)
                   : 0;
  for (uint32_t i = 0; bytes > 0 && i < (uint32_t)bytes * 8; i++)
    if (mask[i / 64] >> i % 64 & 1) {
      if (only)
        return 0;
      only = i + 1;
    }
  return only;
}

const char *ring_thread_save(const struct resource_sink *sink, int tid,
                             IoUring *state) {
  state->has_thread = true;
  state->processor = processor_of(tid);
  return sink->tree ? "a thread of the kernel submits (SQPOLL), and the "
                      "program is several processes"
         : sink->other_credentials
             ? "a thread of the kernel submits (SQPOLL), and the program has "
               "changed its credentials"
             : 0;
}
