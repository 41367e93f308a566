/* pressure.c - the monitor of shortage: threads wait for memory, a device or a
 * processor for so long in a window of time (the kernel's pressure stall
 * information, of the whole machine).
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
} pressure;

static bool wanted(void) { return monitors_next_rule(&kind_pressure, 0) != 0; }

static void close_it(const struct rule *rule) {
  int *descriptor = &pressure.descriptors[monitors_index(rule)];
  if (*descriptor <= 0)
    return;
  watcher_remove(*descriptor);
  SYS(close, *descriptor);
  *descriptor = 0;
}

static void ready(uint32_t index, uint32_t events) {
  const struct rule *rule = &monitors_rules()->rule[index];
  if (events & (EPOLLERR | EPOLLHUP)) /* the kernel has taken it back */
    watcher_remove(pressure.descriptors[index]);
  else
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
  size_t length = rules_pressure(rule, trigger, sizeof trigger);
  long result = SYS(write, descriptor, trigger, length + 1);
  if (result >= 0)
    result =
        watcher_add((int)descriptor, EPOLLPRI, ready, monitors_index(rule));
  if (result < 0) {
    SYS(close, descriptor);
    monitors_refuse(
        rule, result,
        result == -EINVAL
            ? "the kernel takes windows of 500ms to 10s, without "
              "CAP_SYS_RESOURCE multiples of 2s, and no `full` of cpu"
            : path);
    return;
  }
  pressure.descriptors[monitors_index(rule)] = (int)descriptor;
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

static void stop(void) {
  const struct rule *rule = 0;
  while ((rule = monitors_next_rule(&kind_pressure, rule)))
    close_it(rule);
  pressure.started = false;
}

static void forget(void) { memset(&pressure, 0, sizeof pressure); }

const struct monitor pressure_monitor = {
    .name = "pressure",
    .event = Event_EVENT_PRESSURE,
    .wanted = wanted,
    .start = start,
    .stop = stop,
    .forget = forget,
};
