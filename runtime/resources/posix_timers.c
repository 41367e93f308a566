/* posix_timers.c - timer_create(2): every timer with its number, whom it
 * notifies, and the time that was left. Libc hands the kernel's number to the
 * program, so it must be the old one. Overruns not yet asked for are lost. A
 * signal that is pending is the timer's own: the kernel drops it when the timer
 * is set, and sends no second one before it is taken. So the timer sends it.
 * Time goes on in the stop as well: a timer that expires between the look for
 * pending signals and its own is as it was before both, so that its signal
 * comes once. */
#include "posix_timers.h"
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "info.h"
#include "resource.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define NANOSECONDS 1000000000ull
#define RESTORE_IDS 77 /* PR_TIMER_CREATE_RESTORE_IDS, Linux 6.15 */

/* The kernel's struct sigevent. */
struct kernel_event {
  uint64_t value;
  int32_t signal;
  int32_t notify;
  int32_t tid;
  int32_t rest[11];
};
_Static_assert(sizeof(struct kernel_event) == 64, "as the kernel's");

/* ---- clocks ----
 *
 * That of a process's or thread's processor time has its id in it, inverted,
 * above three bits (clock_getcpuclockid(3)). */

#define CLOCK_KIND 7u
#define CLOCK_TIME 3u /* which time; 3: another kind of clock */
#define THREAD_CLOCK 4u

static int32_t id_of_clock(int32_t clock) {
  return clock < 0 && ((unsigned)clock & CLOCK_TIME) != 3 ? ~(clock >> 3) : 0;
}

/* 0: it is of none, or of the one that made the timer. */
static int32_t thread_of_clock(int32_t clock) {
  return (unsigned)clock & THREAD_CLOCK ? id_of_clock(clock) : 0;
}

static int32_t clock_with_id(int32_t clock, int32_t id) {
  return (int32_t)(((unsigned)~id << 3) | ((unsigned)clock & CLOCK_KIND));
}

/* ---- saving ---- */

static uint64_t ns_of(const struct timespec *time) {
  return (uint64_t)time->tv_sec * NANOSECONDS + (uint64_t)time->tv_nsec;
}

/* No thread is 0. */
static bool has_ended(const struct resource_sink *sink, int32_t tid) {
  bool there = !tid;
  for (size_t i = 0; !there && i < sink->thread_count; i++)
    there = sink->threads[i].tid == tid;
  return !there;
}

/* No timer can be made for a thread that has ended; one that was goes on, and
 * signals nobody. */
static void take_ended_thread(const struct resource_sink *sink,
                              PosixTimer *timer) {
  bool clock_ended = has_ended(sink, thread_of_clock(timer->clock));
  if (clock_ended)
    timer->clock = CLOCK_MONOTONIC;
  if (clock_ended || has_ended(sink, timer->tid))
    timer->notify = SIGEV_NONE;
}

/* Calls visit with each timer's number. */
static void each_timer(void (*visit)(int32_t id, void *context),
                       void *context) {
  struct info info;
  uint64_t id;
  if (info_open_path(&info, "/proc/self/timers") < 0)
    return;
  for (const char *line; (line = info_line(&info));)
    if (info_begins(line, "ID:") && info_number(line, "ID:", 10, &id))
      visit((int32_t)id, context);
  info_close(&info);
}

/* Those that run before the look for pending signals, and whether that found
 * theirs; of more, what the kernel says then is taken. */
#define BEFORE_MAX 1024u
static LIVE struct {
  unsigned count,
      next; /* next: the kernel lists them in the same order again */
  struct {
    uint64_t left_ns;
    int32_t id;
    bool seen;
  } timers[BEFORE_MAX];
} before;

static void note(int32_t id, void *context) {
  struct itimerspec times;
  (void)context;
  if (before.count == BEFORE_MAX || SYS(timer_gettime, id, &times) < 0)
    return;
  uint64_t left = ns_of(&times.it_value);
  if (left) {
    before.timers[before.count].left_ns = left;
    before.timers[before.count].id = id;
    before.timers[before.count++].seen = false;
  }
}

static void first(void) {
  before.count = before.next = 0;
  each_timer(note, 0);
}

/* Whether it ran before, and where in the table it is. */
static bool find(int32_t id, unsigned *place) {
  for (unsigned i = 0; i < before.count; i++) {
    *place = (before.next + i) % before.count;
    if (before.timers[*place].id == id) {
      before.next = *place + 1;
      return true;
    }
  }
  return false;
}

void posix_timer_signal_seen(const siginfo_t *info) {
  unsigned place;
  if (info->si_code == SI_TIMER && find(info->si_timerid, &place))
    before.timers[place].seen = true;
}

static uint64_t left_of(int32_t id, uint64_t left) {
  unsigned place;
  if (!find(id, &place) || before.timers[place].seen)
    return left;
  uint64_t earlier = before.timers[place].left_ns;
  return left && left <= earlier ? left : earlier;
}

static int put(struct resource_sink *sink, PosixTimer *timer,
               struct hwckpt_error *error) {
  struct itimerspec times;
  long result = SYS(timer_gettime, timer->id, &times);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, "timer", "%d",
                       (int)timer->id);
  timer->left_ns = left_of(timer->id, ns_of(&times.it_value));
  timer->interval_ns = ns_of(&times.it_interval);
  return resource_put(sink, RECORD_POSIX_TIMER, PosixTimer_fields, timer,
                      error);
}

/* "signal/pid.N", "signal/tid.N", "none/...". */
static void read_notify(const char *line, PosixTimer *timer) {
  uint64_t tid;
  timer->notify = info_begins(line, "notify: none") ? SIGEV_NONE : SIGEV_SIGNAL;
  if (timer->notify == SIGEV_SIGNAL && info_number(line, "/tid.", 10, &tid)) {
    timer->notify = SIGEV_THREAD_ID;
    timer->tid = (int32_t)tid;
  }
}

/* The number of a clock may be negative. */
static void read_clock(const char *line, PosixTimer *timer) {
  uint64_t value;
  if (info_number(line, "ClockID: -", 10, &value))
    timer->clock = -(int32_t)value;
  else if (info_number(line, "ClockID:", 10, &value))
    timer->clock = (int32_t)value;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  PosixTimer timer = PosixTimer_init_zero;
  struct info info;
  uint64_t value;
  int result = 0;
  if (info_open_path(&info, "/proc/self/timers") < 0)
    return 0;
  for (const char *line; !result && (line = info_line(&info));) {
    if (info_begins(line, "ID:") && info_number(line, "ID:", 10, &value)) {
      timer = (PosixTimer)PosixTimer_init_zero;
      timer.id = (int32_t)value;
    } else if (info_begins(line, "signal:")) {
      if (info_number(line, "signal:", 10, &value))
        timer.signal = (int32_t)value;
      info_number(line, "/", 16, &timer.value);
    } else if (info_begins(line, "notify:")) {
      read_notify(line, &timer);
    } else if (info_begins(line, "ClockID:")) { /* the last line of a timer */
      read_clock(line, &timer);
      take_ended_thread(sink, &timer);
      result = put(sink, &timer, error);
    }
  }
  info_close(&info);
  return result;
}

/* ---- restoring ---- */

static int refuse(struct hwckpt_error *error, const PosixTimer *timer,
                  long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result, "timer",
                     "%d: %s", (int)timer->id, what);
}

/* Numbers are given out in order: without the kernel's help, those before are
 * used up. */
static long create(const PosixTimer *timer, struct kernel_event *event) {
  bool chosen = SYS(prctl, RESTORE_IDS, 1, 0, 0, 0) == 0;
  int32_t id = timer->id;
  long result;
  while ((result = SYS(timer_create, timer->clock, event, &id)) == 0 &&
         id != timer->id) {
    SYS(timer_delete, id);
    if (chosen || id > timer->id) {
      result = -EEXIST;
      break;
    }
  }
  if (chosen)
    SYS(prctl, RESTORE_IDS, 0, 0, 0, 0);
  return result;
}

/* One that was set anew, to a later time, does not signal at once. */
static bool can_signal_again(const PosixTimer *timer) {
  return timer->notify != SIGEV_NONE && timer->left_ns <= timer->interval_ns;
}

bool posix_timer_signals_again(const struct resource_source *source,
                               const siginfo_t *info) {
  PosixTimer timer;
  if (info->si_code != SI_TIMER)
    return false;
  for (size_t at = (size_t)-1; resource_next(source, RECORD_POSIX_TIMER, &at);)
    if (resource_get(&source->records[at], PosixTimer_fields, &timer, 0) == 0 &&
        timer.id == info->si_timerid)
      return can_signal_again(&timer);
  return false;
}

/* Its signal was pending. */
static bool signals_again(const struct resource_source *source,
                          const PosixTimer *timer) {
  PendingSignal message;
  siginfo_t info;
  if (!can_signal_again(timer))
    return false;
  for (size_t at = (size_t)-1;
       resource_next(source, RECORD_PENDING_SIGNAL, &at);) {
    if (resource_get(&source->records[at], PendingSignal_fields, &message, 0))
      continue;
    memcpy(&info, message.info.bytes, sizeof info);
    if (info.si_code == SI_TIMER && info.si_timerid == timer->id)
      return true;
  }
  return false;
}

static struct timespec time_of(uint64_t ns) {
  return (struct timespec){(time_t)(ns / NANOSECONDS),
                           (long)(ns % NANOSECONDS)};
}

/* When the last period began; where the clock has begun anew since, now. The
 * time of a processor may stand still: what is over by it is sent. */
static struct timespec last_expiry(const PosixTimer *timer) {
  struct timespec now = {0, 1};
  SYS(clock_gettime, timer->clock, &now);
  uint64_t next = ns_of(&now) + timer->left_ns;
  return timer->interval_ns && next > timer->interval_ns
             ? time_of(next - timer->interval_ns)
             : now;
}

/* A time that is over signals at once, and periods are counted from it. */
static long start(const PosixTimer *timer, bool again) {
  struct itimerspec times = {time_of(timer->interval_ns),
                             again ? last_expiry(timer)
                                   : time_of(timer->left_ns)};
  return SYS(timer_settime, timer->id, again ? TIMER_ABSTIME : 0, &times, 0);
}

/* In a rollback. */
static bool exists(const struct resource_source *source, int32_t id) {
  struct itimerspec times;
  return source->rolls_back && SYS(timer_gettime, id, &times) == 0;
}

static bool is_recorded(const struct resource_source *source, int32_t id) {
  PosixTimer timer;
  for (size_t at = (size_t)-1; resource_next(source, RECORD_POSIX_TIMER, &at);)
    if (resource_get(&source->records[at], PosixTimer_fields, &timer, 0) == 0 &&
        timer.id == id)
      return true;
  return false;
}

struct deletion {
  const struct resource_source *source;
  unsigned count;
};

static void delete_other(int32_t id, void *context) {
  struct deletion *deletion = context;
  if (!is_recorded(deletion->source, id))
    deletion->count += SYS(timer_delete, id) == 0;
}

/* Those that were made since. The kernel's list leaves some out when it becomes
 * shorter while it is read. */
static void delete_others(const struct resource_source *source) {
  struct deletion deletion = {.source = source};
  do {
    deletion.count = 0;
    each_timer(delete_other, &deletion);
  } while (deletion.count);
}

/* The id that the thread has now is in its clock; a clock of another process
 * stays as it is. */
static int clock_of_now(const struct resource_source *source, PosixTimer *timer,
                        struct hwckpt_error *error) {
  int32_t id = id_of_clock(timer->clock);
  bool of_thread = thread_of_clock(timer->clock) != 0;
  int32_t now = id ? resource_tid(source, id, of_thread ? error : 0) : 0;
  if (now > 0)
    timer->clock = clock_with_id(timer->clock, now);
  return of_thread && now < 0 ? now : 0;
}

static int make(const PosixTimer *timer, struct kernel_event *event, bool again,
                struct hwckpt_error *error) {
  long result = create(timer, event);
  if (result < 0)
    return refuse(error, timer, result, "timer_create");
  result = start(timer, again);
  return result < 0 ? refuse(error, timer, result, "timer_settime") : 0;
}

static bool started_again(const struct resource_source *source, int32_t tid) {
  for (size_t i = 0; i < source->thread_count; i++)
    if (source->threads[i].now == tid)
      return source->threads[i].again;
  return false;
}

/* In a rollback. One that was made for a thread that has ended stays with that,
 * also where the one started again in its place has its number. */
static int set_back(const struct resource_source *source,
                    const PosixTimer *timer, struct kernel_event *event,
                    bool again, struct hwckpt_error *error) {
  bool stays = !started_again(source, event->tid) &&
               !started_again(source, thread_of_clock(timer->clock));
  long result = stays ? start(timer, again) : -ESRCH;
  if (result >= 0)
    return 0;
  if (result != -ESRCH)
    return refuse(error, timer, result, "timer_settime");
  SYS(timer_delete, timer->id);
  return make(timer, event, again, error);
}

static int restore(struct resource_source *source,
                   const struct resource_record *record,
                   struct hwckpt_error *error) {
  PosixTimer timer;
  int failed = resource_get(record, PosixTimer_fields, &timer, error);
  if (!failed)
    failed = clock_of_now(source, &timer, error);
  if (failed)
    return failed;
  struct kernel_event event = {
      .value = timer.value, .signal = timer.signal, .notify = timer.notify};
  if (timer.notify == SIGEV_THREAD_ID)
    event.tid = resource_tid(source, timer.tid, error);
  if (event.tid < 0)
    return event.tid;
  bool again = signals_again(source, &timer);
  return exists(source, timer.id)
             ? set_back(source, &timer, &event, again, error)
             : make(&timer, &event, again, error);
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  int result = 0;
  if (source->rolls_back)
    delete_others(source);
  for (size_t at = (size_t)-1;
       !result && resource_next(source, RECORD_POSIX_TIMER, &at);)
    result = restore(source, &source->records[at], error);
  return result;
}

const struct resource_kind hwckpt_resource_posix_timers = {
    .name = "POSIX timers",
    .first = first,
    .save = save,
    .finish = finish,
};
