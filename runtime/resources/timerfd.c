/* timerfd.c - timerfd_create(2): the clock, what is left of the time, the
 * interval, and expirations that nobody has read.
 *
 * Time stands still for a program between its checkpoint and its restore, so
 * the rest of a timer is what it was; a timer set to a time of day stays set to
 * that time of day. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>

#define NANOSECONDS 1000000000ull
#define SET_TICKS _IOW('T', 0, uint64_t) /* TFD_IOC_SET_TICKS */

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return info_begins(message->path, "anon_inode:[timerfd]");
}

static uint64_t ns_of(const struct timespec *time) {
  return (uint64_t)time->tv_sec * NANOSECONDS + (uint64_t)time->tv_nsec;
}

/* How often a timer that expires just now is asked again. */
#define ASKED_MAX 12
#define PAUSE_NS 20000

/* Asked of the timer and not read of its text: an interval begins anew only
 * when somebody asks. */
static long ask(long fd, TimerFd *state) {
  struct itimerspec times;
  long result = SYS(timerfd_gettime, fd, &times);
  if (result >= 0) {
    state->left_ns = ns_of(&times.it_value);
    state->interval_ns = ns_of(&times.it_interval);
  }
  return result;
}

static void read_line(const char *line, TimerFd *state) {
  uint64_t value;
  if (info_number(line, "clockid:", 10, &value))
    state->clock = (int32_t)value;
  else if (info_number(line, "settime flags:", 8, &value))
    state->flags = (uint32_t)value;
  else if (info_number(line, "ticks:", 10, &value))
    state->ticks = value;
}

static long read_text(int number, TimerFd *state) {
  struct info info;
  long result = info_open(&info, number);
  if (result < 0)
    return result;
  for (const char *line; (line = info_line(&info));)
    read_line(line, state);
  info_close(&info);
  return 0;
}

/* Nothing expired between two looks, and nothing is about to: from the moment
 * in which a timer expires until the kernel has counted that, nothing is left
 * of its time and there is no tick, as of one that is not set. */
static bool is_settled(const TimerFd *before, const TimerFd *state,
                       bool was_set) {
  if (before->left_ns)
    return state->left_ns && state->left_ns <= before->left_ns;
  return !state->left_ns && !state->interval_ns && (!was_set || state->ticks);
}

/* One that is not set may have an interval: it is asked to the end. */
static long look(long fd, int number, TimerFd *state) {
  const struct timespec pause = {0, PAUSE_NS};
  bool was_set = false;
  long result = ask(fd, state);
  for (unsigned i = 0; i < ASKED_MAX && result >= 0; i++) {
    const TimerFd before = *state;
    was_set |= before.left_ns != 0;
    result = read_text(number, state);
    if (result >= 0)
      result = ask(fd, state);
    if (result >= 0 && is_settled(&before, state, was_set))
      return 0;
    if (!state->left_ns && !state->ticks)
      SYS(nanosleep, &pause, 0);
  }
  bool expires =
      state->interval_ns ? was_set || state->ticks : was_set && !state->ticks;
  if (!state->left_ns && expires)
    state->left_ns = 1;
  return result;
}

static bool of_day(int32_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  TimerFd state = TimerFd_init_zero;
  if (message->same_as >= 0)
    return 0;
  long fd = borrow_number(sink, message->number);
  long result = fd < 0 ? fd : look(fd, message->number, &state);
  if (fd >= 0)
    SYS(close, fd);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, message->path,
                       "descriptor %d", (int)message->number);
  if (of_day(state.clock) && state.flags & TFD_TIMER_ABSTIME && state.left_ns) {
    struct timespec now;
    SYS(clock_gettime, state.clock, &now);
    state.at_ns = ns_of(&now) + state.left_ns;
  }
  return resource_put(sink, RECORD_TIMERFD, TimerFd_fields, &state, error);
}

static struct timespec time_of(uint64_t ns) {
  return (struct timespec){(time_t)(ns / NANOSECONDS),
                           (long)(ns % NANOSECONDS)};
}

static int refuse(struct hwckpt_error *error, const Descriptor *message,
                  long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                     message->path, "descriptor %d: %s", (int)message->number,
                     what);
}

static long set(long fd, const TimerFd *state) {
  uint64_t value = state->at_ns ? state->at_ns : state->left_ns;
  const struct itimerspec times = {time_of(state->interval_ns), time_of(value)};
  uint32_t flags = state->at_ns ? state->flags : 0;
  long result = SYS(timerfd_settime, fd, flags, &times, 0);
  if (result < 0 || !state->ticks)
    return result;
  result = SYS(ioctl, fd, SET_TICKS, &state->ticks);
  if (result == 0 || state->left_ns)
    return 0; /* a kernel without it: the next expiration stands for these */
  const struct itimerspec at_once = {{0, 0}, {0, 1}};
  return SYS(timerfd_settime, fd, 0, &at_once, 0);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  TimerFd state;
  int failed =
      resource_get_own(source, RECORD_TIMERFD, TimerFd_fields, &state, error);
  if (failed)
    return failed;
  long fd = SYS(timerfd_create, state.clock, message->flags & O_NONBLOCK);
  if (fd < 0)
    return refuse(error, message, fd, "timerfd_create");
  return (int)fd;
}

/* Last of all, when little is left to do before the program goes on. */
static int settle(struct resource_source *source, const Descriptor *message,
                  int descriptor, struct hwckpt_error *error) {
  TimerFd state;
  int failed =
      resource_get_own(source, RECORD_TIMERFD, TimerFd_fields, &state, error);
  if (failed)
    return failed;
  long result = set(descriptor, &state);
  return result < 0 ? refuse(error, message, result, "timerfd_settime") : 0;
}

const struct descriptor_kind hwckpt_descriptor_timerfd = {
    .name = "timerfd",
    .kind = DescriptorKind_DESCRIPTOR_TIMERFD,
    .recognise = recognise,
    .save = save,
    .open = make,
    .settle = settle,
};
