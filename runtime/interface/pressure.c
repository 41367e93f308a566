/* pressure.c - the monitor of shortage: threads wait for memory, a device or a
 * processor for so long in a window of time (the kernel's pressure stall
 * information, of the whole machine).
 *
 * To a trigger that was just made the kernel tells what was before it, too
 * (Linux 6.18): what counts is that they waited for so long since.
 */
#include "../arch/sys.h"
#include "../support/live.h"
#include "monitor.h"
#include "watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

static LIVE struct {
  bool started;
  int descriptors[RULES_MAX]; /* 0: none */
  uint64_t before[RULES_MAX]; /* waited before that, nanoseconds */
} pressure;

static bool wanted(void) { return monitors_next_rule(&kind_pressure, 0) != 0; }

/* For how long they have waited since the machine began: `total` (in us) of the
 * line of some, or of full. 0: it is not told. */
static uint64_t waited_ns(int descriptor, const struct rule *rule) {
  char text[256];
  long length = SYS(pread64, descriptor, text, sizeof text, 0);
  struct part rest = {text, length > 0 ? (size_t)length : 0}, total = {0, 0};
  if (rule->word)
    part_split(&rest, '\n');
  struct part line = part_split(&rest, '\n');
  while (line.length)
    total = part_split(&line, '=');
  uint64_t waited;
  return part_count(total, &waited) ? waited * 1000u : 0;
}

static void ready(uint32_t index, uint32_t events) {
  const struct rule *rule = &monitors_rules()->rule[index];
  int descriptor = pressure.descriptors[index];
  if (events & (EPOLLERR | EPOLLHUP)) /* the kernel has taken it back */
    watcher_remove(descriptor);
  else if (waited_ns(descriptor, rule) >= pressure.before[index] + rule->value)
    monitors_fire(rule, 0);
}

static void start_rule(const struct rule *rule) {
  char path[RULE_TEXT + 16], trigger[64];
  hwckpt_format(path, sizeof path, "/proc/pressure/%s", rule->name);
  long descriptor =
      SYS(openat, AT_FDCWD, path, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (descriptor < 0) {
    monitors_refuse(rule, descriptor, path);
    return;
  }
  pressure.before[monitors_index(rule)] = waited_ns((int)descriptor, rule);
  pressure.descriptors[monitors_index(rule)] = (int)descriptor;
  size_t length = rules_pressure(rule, trigger, sizeof trigger);
  long result = SYS(write, descriptor, trigger, length + 1);
  if (result >= 0)
    result =
        watcher_add((int)descriptor, EPOLLPRI, ready, monitors_index(rule));
  if (result < 0) {
    SYS(close, descriptor);
    pressure.descriptors[monitors_index(rule)] = 0;
    monitors_refuse(rule, result, rules_pressure_refused(result, path));
  }
}

static void start(const struct hwckpt_options *options) {
  const struct rule *rule = 0;
  (void)options;
  if (pressure.started)
    return;
  pressure.started = true;
  while ((rule = monitors_next_rule(&kind_pressure, rule)))
    start_rule(rule);
}

static void forget(void) { memset(&pressure, 0, sizeof pressure); }

const struct monitor pressure_monitor = {
    .name = "pressure",
    .event = Event_EVENT_PRESSURE,
    .wanted = wanted,
    .start = start,
    .forget = forget,
};
