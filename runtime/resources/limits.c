/* limits.c - resource limits: as they were. A hard limit above that of who
 * restores needs a right; without it that one holds. They are raised first and
 * set last, so that none is in the way of the restore. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"

#include <linux/capability.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define LIMITS 16
#define SIGNAL_MOST 64

struct limit {
  uint64_t soft, hard;
};

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  Limits message = Limits_init_zero;
  for (unsigned i = 0; i < LIMITS; i++) {
    struct limit limit;
    long result = SYS(prlimit64, 0, i, 0, &limit);
    if (result < 0)
      return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result,
                         "resource limits", "limit %u", i);
    message.soft[i] = limit.soft;
    message.hard[i] = limit.hard;
  }
  message.soft_count = message.hard_count = LIMITS;
  return resource_put(sink, RECORD_LIMITS, Limits_fields, &message, error);
}

static void set(struct resource_source *source, unsigned number,
                struct limit limit) {
  struct limit now;
  if (SYS(prlimit64, 0, number, 0, &now) < 0 ||
      (now.soft == limit.soft && now.hard == limit.hard))
    return;
  long result = SYS(prlimit64, 0, number, &limit, 0);
  if (result >= 0)
    return;
  struct limit allowed = {limit.soft < now.hard ? limit.soft : now.hard,
                          limit.hard < now.hard ? limit.hard : now.hard};
  SYS(prlimit64, 0, number, &allowed, 0);
  if (allowed.soft != limit.soft)
    resource_not_set(
        source, result, "resource limits", "limit %u is %llu, was %llu", number,
        (unsigned long long)allowed.soft, (unsigned long long)limit.soft);
}

static int for_each(struct resource_source *source,
                    void (*each)(struct resource_source *source,
                                 unsigned number, struct limit limit),
                    struct hwckpt_error *error) {
  Limits message;
  size_t at = (size_t)-1;
  if (!resource_next(source, RECORD_LIMITS, &at))
    return 0;
  int result =
      resource_get(&source->records[at], Limits_fields, &message, error);
  for (unsigned i = 0;
       !result && i < message.soft_count && i < message.hard_count; i++)
    each(source, i, (struct limit){message.soft[i], message.hard[i]});
  return result;
}

/* A program may lower that limit below what it has queued already. */
static bool queues(const struct resource_source *source) {
  size_t signal = (size_t)-1, timer = (size_t)-1;
  return resource_next(source, RECORD_PENDING_SIGNAL, &signal) ||
         resource_next(source, RECORD_POSIX_TIMER, &timer);
}

static void raise_one(struct resource_source *source, unsigned number,
                      struct limit then) {
  struct limit now;
  uint64_t soft =
      number == RLIMIT_SIGPENDING && queues(source) ? RLIM_INFINITY : then.soft;
  if (SYS(prlimit64, 0, number, 0, &now) < 0 || now.soft >= soft)
    return;
  struct limit allowed = {soft < now.hard ? soft : now.hard, now.hard};
  struct limit wanted = {soft, soft > now.hard ? soft : now.hard};
  if (SYS(prlimit64, 0, number, &wanted, 0) < 0)
    SYS(prlimit64, 0, number, &allowed, 0);
}

/* Of the process: what is pending still is not queued again. */
static uint64_t signals_to_queue(const struct resource_source *source) {
  PendingSignal message;
  siginfo_t info;
  uint64_t pending = 0, count = 0;
  SYS(rt_sigpending, &pending, sizeof(pending));
  for (size_t at = (size_t)-1;
       resource_next(source, RECORD_PENDING_SIGNAL, &at);) {
    if (resource_get(&source->records[at], PendingSignal_fields, &message, 0))
      continue;
    memcpy(&info, message.info.bytes, sizeof(info));
    count += !message.tid && info.si_code == SI_QUEUE && info.si_signo > 0 &&
             info.si_signo <= SIGNAL_MOST &&
             !(pending >> (info.si_signo - 1) & 1);
  }
  return count;
}

static uint64_t timers_to_make(const struct resource_source *source) {
  struct itimerspec times;
  PosixTimer message;
  uint64_t count = 0;
  for (size_t at = (size_t)-1; resource_next(source, RECORD_POSIX_TIMER, &at);)
    if (!resource_get(&source->records[at], PosixTimer_fields, &message, 0))
      count += SYS(timer_gettime, message.id, &times) < 0;
  return count;
}

static bool may_raise(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {{0}};
  return SYS(capget, &header, sets) >= 0 &&
         sets[0].effective >> CAP_SYS_RESOURCE & 1;
}

/* The kernel counts what others of the user have queued too; that may be taken
 * until then. */
static int check(struct resource_source *source, struct hwckpt_error *error) {
  struct limit now;
  if (SYS(prlimit64, 0, RLIMIT_SIGPENDING, 0, &now) < 0 || may_raise())
    return 0;
  uint64_t wanted = signals_to_queue(source) + timers_to_make(source);
  if (wanted <= now.hard)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, "resource limits",
                     "%llu signals and timers to make, limit %llu",
                     (unsigned long long)wanted, (unsigned long long)now.hard);
}

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  return for_each(source, raise_one, error);
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  return for_each(source, set, error);
}

const struct resource_kind hwckpt_resource_limits = {
    .name = "limits",
    .save = save,
    .restore = restore,
    .finish = finish,
    .check = check,
};
