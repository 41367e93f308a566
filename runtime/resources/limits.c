/* limits.c - resource limits: as they were. A hard limit above that of who
 * restores needs a right; without it that one holds. They are raised first and
 * set last, so that none is in the way of the restore. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"

#include <stddef.h>
#include <sys/resource.h>

#define LIMITS 16

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
};
