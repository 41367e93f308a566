/* event_checks.c - see event_checks.h. What is tried is undone at once. */
#include "event_checks.h"

#include "runtime/interface/rule_counters.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int check_counter(const struct rule *rule, struct hwckpt_error *error) {
  struct counter counter = {rule->word, rule->second};
  struct perf_event_attr attributes;
  /* The kernel has the number of a tracepoint, where only some may look. */
  if (counter.type == PERF_TYPE_TRACEPOINT)
    return 0;
  counter_attributes(&counter, rule->value,
                     counter_kernel(&counter) == KERNEL_ALWAYS, &attributes);
  int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1,
                        PERF_FLAG_FD_CLOEXEC);
  if (fd < 0)
    return rules_refuse(rule, -errno, "perf_event_open", error);
  close(fd);
  return 0;
}

static int check_pressure(const struct rule *rule, struct hwckpt_error *error) {
  char path[sizeof rule->name + 16], trigger[64];
  snprintf(path, sizeof path, "/proc/pressure/%s", rule->name);
  int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  size_t length = rules_pressure(rule, trigger, sizeof trigger);
  int failed = 0;
  if (fd < 0 || write(fd, trigger, length + 1) < 0)
    failed =
        rules_refuse(rule, -errno, rules_pressure_refused(-errno, path), error);
  if (fd >= 0)
    close(fd);
  return failed;
}

static int check_folder(const struct rule *rule, int rights,
                        struct hwckpt_error *error) {
  char path[sizeof rule->name];
  struct stat status;
  snprintf(path, sizeof path, "%s", rule->name);
  const char *folder = dirname(path);
  if (stat(folder, &status) || access(folder, rights))
    return hwckpt_fail(error, HWCKPT_E_EVENT_FAILED, errno, rule->text,
                       "its folder %s", folder);
  return 0;
}

int event_check(const struct rule *rule, struct hwckpt_error *error) {
  if (rule->kind == &kind_pressure)
    return check_pressure(rule, error);
  if (rule->kind == &kind_file)
    return check_folder(rule, R_OK, error);
  if (rule->kind == &kind_control)
    return check_folder(rule, W_OK, error);
  if (rule->kind->event == kind_perf.event)
    return check_counter(rule, error);
  return 0;
}
