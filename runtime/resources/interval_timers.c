/* interval_timers.c - setitimer(2) and alarm(2): they go on with the time that
 * was left. Time goes on in the stop as well: one that expires between the look
 * for pending signals and its own is as it was before both, so that its signal
 * comes once. */
#include "interval_timers.h"
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "resource.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#define TIMERS 3
#define MICROSECONDS 1000000ull

static uint64_t us_of(const struct timeval *time) {
  return (uint64_t)time->tv_sec * MICROSECONDS + (uint64_t)time->tv_usec;
}

static struct timeval time_of(uint64_t us) {
  return (struct timeval){(time_t)(us / MICROSECONDS),
                          (suseconds_t)(us % MICROSECONDS)};
}

/* In the order of the kernel's numbers. */
static const int signals[TIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};

/* Before the look for pending signals, and whether that found theirs. */
static LIVE struct {
  uint64_t left_us;
  bool seen;
} before[TIMERS];

static void first(void) {
  for (int i = 0; i < TIMERS; i++) {
    struct itimerval timer = {0};
    SYS(getitimer, i, &timer);
    before[i].left_us = us_of(&timer.it_value);
    before[i].seen = false;
  }
}

void interval_timer_signal_seen(const siginfo_t *info) {
  for (int i = 0; i < TIMERS; i++)
    before[i].seen |= info->si_signo == signals[i];
}

/* The kernel starts a periodic ITIMER_REAL again only when its signal is taken:
 * no time is left of one whose signal is pending, and its next period begins
 * when it comes back. */
static uint64_t left_of(int number, const struct itimerval *timer) {
  uint64_t left = us_of(&timer->it_value);
  bool expired = !left || left > before[number].left_us;
  if (expired && before[number].left_us && !before[number].seen)
    return before[number].left_us;
  return left || number != ITIMER_REAL ? left : us_of(&timer->it_interval);
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  IntervalTimers message = IntervalTimers_init_zero;
  uint64_t any = 0;
  for (int i = 0; i < TIMERS; i++) {
    struct itimerval timer = {0};
    SYS(getitimer, i, &timer);
    message.left_us[i] = left_of(i, &timer);
    message.interval_us[i] = us_of(&timer.it_interval);
    any |= message.left_us[i];
  }
  message.left_us_count = message.interval_us_count = TIMERS;
  return any ? resource_put(sink, RECORD_INTERVAL_TIMERS, IntervalTimers_fields,
                            &message, error)
             : 0;
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  IntervalTimers message = IntervalTimers_init_zero;
  size_t at = (size_t)-1;
  int failed = 0;
  if (resource_next(source, RECORD_INTERVAL_TIMERS, &at))
    failed = resource_get(&source->records[at], IntervalTimers_fields, &message,
                          error);
  for (int i = 0; !failed && i < TIMERS; i++) {
    const struct itimerval timer = {time_of(message.interval_us[i]),
                                    time_of(message.left_us[i])};
    bool counts = message.left_us[i] || source->rolls_back;
    long result = counts ? SYS(setitimer, i, &timer, 0) : 0;
    if (result < 0)
      failed = hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                           "interval timer", "%d", i);
  }
  return failed;
}

const struct resource_kind hwckpt_resource_interval_timers = {
    .name = "interval timers",
    .first = first,
    .save = save,
    .finish = finish,
};
