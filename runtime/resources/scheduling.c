/* scheduling.c - how each thread is scheduled: policy, nice value, priority of
 * its input and output, and the processors that the program chose for it.
 *
 * Processors that the program did not choose itself are those of whoever
 * started it, a batch system or taskset: after a restore, of who restores. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "resource.h"

#include <stddef.h>
#include <string.h>

#define WHO_PROCESS 1 /* IOPRIO_WHO_PROCESS: one thread */

/* struct sched_attr of sched_setattr(2), its first version */
struct attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};
_Static_assert(sizeof(struct attributes) == 48, "SCHED_ATTR_SIZE_VER0");

/* The processors when the program began, or came back. */
static LIVE struct {
  long size; /* bytes, negative: unknown */
  unsigned char set[sizeof(((Scheduling *)0)->processors.bytes)];
} first;

static void begin(void) {
  first.size = SYS(sched_getaffinity, 0, sizeof(first.set), first.set);
}

static int save(struct resource_sink *sink, const struct thread_fact *thread,
                struct hwckpt_error *error) {
  Scheduling message = Scheduling_init_zero;
  struct attributes now = {0};
  long result = SYS(sched_getattr, thread->tid, &now, sizeof(now), 0);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, "scheduling",
                       "thread %d", (int)thread->tid);
  message.tid = thread->tid;
  message.policy = now.policy;
  message.flags = now.flags;
  message.nice = now.nice;
  message.priority = now.priority;
  message.runtime = now.runtime;
  message.deadline = now.deadline;
  message.period = now.period;
  long priority = SYS(ioprio_get, WHO_PROCESS, thread->tid);
  message.io_priority = priority > 0 ? (uint32_t)priority : 0;
  long size = SYS(sched_getaffinity, thread->tid, sizeof(first.set),
                  message.processors.bytes);
  if (size > 0 && (size != first.size || memcmp(message.processors.bytes,
                                                first.set, (size_t)size) != 0))
    message.processors.size = (pb_size_t)size;
  return resource_put(sink, RECORD_SCHEDULING, Scheduling_fields, &message,
                      error);
}

static void set_policy(struct resource_source *source,
                       const Scheduling *message, int tid) {
  struct attributes wanted = {
      sizeof(wanted),    message->policy,  message->flags,    message->nice,
      message->priority, message->runtime, message->deadline, message->period};
  struct attributes now = {0};
  if (SYS(sched_getattr, tid, &now, sizeof(now), 0) >= 0) {
    now.size = sizeof(now);
    if (memcmp(&now, &wanted, sizeof(now)) == 0)
      return;
  }
  long result = SYS(sched_setattr, tid, &wanted, 0);
  if (result < 0)
    resource_not_set(source, result, "scheduling",
                     "thread %d: policy %u, nice %d, priority %u",
                     (int)message->tid, message->policy, (int)message->nice,
                     message->priority);
}

/* In a rollback those that were not chosen are the first ones. */
static void set_processors(struct resource_source *source,
                           const Scheduling *message, int tid) {
  bool chosen = message->processors.size != 0;
  long size = chosen               ? (long)message->processors.size
              : source->rolls_back ? first.size
                                   : 0;
  if (size <= 0)
    return;
  long result = SYS(sched_setaffinity, tid, size,
                    chosen ? message->processors.bytes : first.set);
  if (result < 0)
    resource_not_set(source, result, "scheduling", "thread %d: its processors",
                     (int)message->tid);
}

static void set_io_priority(struct resource_source *source,
                            const Scheduling *message, int tid) {
  long now = SYS(ioprio_get, WHO_PROCESS, tid);
  if (now < 0 || now == (long)message->io_priority)
    return;
  long result = SYS(ioprio_set, WHO_PROCESS, tid, message->io_priority);
  if (result < 0)
    resource_not_set(source, result, "scheduling",
                     "thread %d: priority %u of its input and output",
                     (int)message->tid, message->io_priority);
}

static int restore(struct resource_source *source,
                   const struct resource_record *record,
                   struct hwckpt_error *error) {
  Scheduling *message = source->scratch;
  int result = resource_get(record, Scheduling_fields, message, error);
  if (result)
    return result;
  int tid = resource_tid(source, message->tid, error);
  if (tid < 0)
    return tid;
  set_processors(source, message, tid);
  set_io_priority(source, message, tid);
  set_policy(source, message, tid);
  return 0;
}

const struct thread_kind hwckpt_thread_scheduling = {
    .name = "scheduling",
    .begin = begin,
    .save = save,
    .type = RECORD_SCHEDULING,
    .restore = restore,
};
