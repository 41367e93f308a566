/* seccomp.c - filters of system calls that the program installed itself
 * (filters_seen.h); those it was started under, and the runtime's own, are not
 * the program's.
 *
 * Each thread installs its own again as the last it does before it goes on: the
 * program never runs without them, and where they cannot be installed there is
 * no restore. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "filter_run.h"
#include "filters_seen.h"
#include "info.h"
#include "resource.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

/* Filters in force that are not the program's. */
static LIVE uint32_t others;
/* Filters are to be installed, by threads that come back. */
static LIVE bool comes_back;

void resources_own_filter(void) { others++; }

uint32_t resources_other_filters(void) { return others; }

static const char key[] = "Seccomp_filters:";

static uint32_t read_count(const char *path) {
  struct info info;
  uint64_t count = 0;
  if (info_open_path(&info, path) < 0)
    return 0;
  for (const char *line; (line = info_line(&info));)
    if (info_number(line, key, 10, &count))
      break;
  info_close(&info);
  return (uint32_t)count;
}

static void begin(void) { others = read_count("/proc/self/status"); }

int resources_may_stop(struct hwckpt_error *error) {
  int strict = filters_seen_strict();
  if (strict)
    return hwckpt_fail(error, HWCKPT_E_NOT_SUPPORTED, 0, "seccomp",
                       "thread %d is in strict mode, in which it cannot be "
                       "stopped",
                       strict);
  for (uint32_t i = 1; i <= filters_seen_count(); i++) {
    const char *name = filter_forbids(i, CALLS_OF_STOP);
    const char *who = "threads that stop";
    if (!name && filters_seen_hold_runtime()) {
      name = filter_forbids(i, CALLS_OF_CHECKPOINT);
      who = "the runtime's thread";
    }
    if (name)
      return hwckpt_fail(error, HWCKPT_E_NOT_SUPPORTED, 0, "seccomp",
                         "a filter of the program forbids %s() to %s", name,
                         who);
  }
  return 0;
}

bool resources_filtered(void) { return filters_seen_count() != 0; }

static bool any_forbids(enum filter_calls calls) {
  for (uint32_t i = 1; i <= filters_seen_count(); i++)
    if (filter_forbids(i, calls))
      return true;
  return false;
}

bool resources_forbid_undo(void) { return any_forbids(CALLS_OF_UNDO); }

static bool forbids(enum filter_calls calls, bool of_runtime) {
  return (!of_runtime || filters_seen_hold_runtime()) && any_forbids(calls);
}

bool resources_forbid_hurry(void) { return forbids(CALLS_OF_HURRY, true); }

bool resources_forbid_end(void) { return any_forbids(CALLS_OF_END); }

bool resources_forbid_lock(void) { return any_forbids(CALLS_OF_LOCK); }

bool resources_forbid_rings(void) { return any_forbids(CALLS_OF_RINGS); }

bool resources_forbid_socket(bool of_runtime) {
  return forbids(CALLS_OF_SOCKET, of_runtime);
}

bool resources_forbid_answer(bool of_runtime) {
  return forbids(CALLS_OF_ANSWER, of_runtime);
}

bool resources_forbid_name(void) { return forbids(CALLS_OF_NAME, true); }

/* ---- saving ---- */

/* Of the program's, in the main thread's case from what is read already. */
static uint32_t depth_of(const struct resource_sink *sink, size_t thread) {
  char path[64];
  uint64_t count = 0;
  if (thread == 0) {
    info_number(sink->status, key, 10, &count);
  } else {
    hwckpt_format(path, sizeof(path), "/proc/self/task/%d/status",
                  sink->threads[thread].tid);
    count = read_count(path);
  }
  return count > others ? (uint32_t)count - others : 0;
}

static int save_thread(struct resource_sink *sink, size_t thread,
                       struct hwckpt_error *error) {
  SeccompThread message = SeccompThread_init_zero;
  uint32_t depth = depth_of(sink, thread);
  if (!depth)
    return 0;
  message.tid = sink->threads[thread].tid;
  message.filter =
      filters_seen_lost() ? 0 : filters_seen_of(message.tid, depth);
  if (!message.filter)
    return resource_unsupported(
        sink, error, "seccomp",
        "thread %d has %u filters, which were not seen as they were installed",
        (int)message.tid, depth);
  for (uint32_t i = message.filter; i; i = filters_seen(i)->before)
    if (filters_seen(i)->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
      return resource_unsupported(sink, error, "seccomp",
                                  "a filter that asks another process");
  return resource_put(sink, RECORD_SECCOMP_THREAD, SeccompThread_fields,
                      &message, error);
}

static int save_filter(struct resource_sink *sink, uint32_t number,
                       struct hwckpt_error *error) {
  static SeccompFilter message;
  const struct filter_seen *filter = filters_seen(number);
  message.number = number;
  message.before = filter->before;
  message.flags = filter->flags;
  message.program.size = (pb_size_t)(filter->length * sizeof *filter->program);
  memcpy(message.program.bytes, filter->program, message.program.size);
  return resource_put(sink, RECORD_SECCOMP_FILTER, SeccompFilter_fields,
                      &message, error);
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  uint32_t count = filters_seen_count();
  int result = 0;
  for (uint32_t i = 1; i <= count && !result; i++)
    if (filters_seen(i))
      result = save_filter(sink, i, error);
  /* None was seen: then the first thread tells of others. */
  size_t threads =
      count || filters_seen_lost() ? sink->thread_count : (size_t)1;
  for (size_t i = 0; i < threads && !result; i++)
    result = save_thread(sink, i, error);
  return result;
}

/* ---- restoring ---- */

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  static SeccompFilter message;
  if (source->rolls_back)
    return 0;
  filters_seen_forget();
  for (size_t at = (size_t)-1;
       resource_next(source, RECORD_SECCOMP_FILTER, &at);) {
    int result = resource_get(&source->records[at], SeccompFilter_fields,
                              &message, error);
    if (result)
      return result;
    if (!filters_seen_add(message.number, message.before, message.flags,
                          message.program.bytes,
                          message.program.size / sizeof(struct sock_filter)))
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "seccomp", "filter %u",
                         message.number);
  }
  return 0;
}

static bool may_install(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  return SYS(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
         (SYS(capget, &header, sets) >= 0 &&
          sets[0].effective & 1u << CAP_SYS_ADMIN);
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  SeccompThread message;
  comes_back = false;
  if (source->rolls_back)
    return 0;
  for (size_t at = (size_t)-1;
       resource_next(source, RECORD_SECCOMP_THREAD, &at);) {
    int result = resource_get(&source->records[at], SeccompThread_fields,
                              &message, error);
    int tid = result ? result : resource_tid(source, message.tid, error);
    if (tid < 0)
      return tid;
    if (!filters_seen(message.filter) ||
        !filters_seen_have(tid, message.filter))
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "seccomp", "thread %d",
                         (int)message.tid);
    comes_back = true;
  }
  if (comes_back && !may_install())
    return hwckpt_fail(error, HWCKPT_E_FILTERS, 0, "seccomp",
                       "the program has filters, and no_new_privs is not set");
  return 0;
}

/* From the oldest on. */
static void install(uint32_t number) {
  uint32_t order[FILTERS_MOST], count = 0;
  for (const struct filter_seen *filter; (filter = filters_seen(number));
       number = filter->before)
    order[count++] = number;
  while (count-- > 0) {
    const struct filter_seen *filter = filters_seen(order[count]);
    struct sock_fprog program = {(unsigned short)filter->length,
                                 (struct sock_filter *)filter->program};
    if (SYS(seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program) < 0)
      SYS(kill, SYS(getpid), SIGKILL); /* rather than without it */
  }
}

void resources_confine(bool has_become) {
  if (!comes_back)
    return;
  bool plain = SYS(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  uint32_t number = filters_seen_wanted((int)SYS(gettid));
  if (number && plain == has_become)
    install(number);
}

const struct resource_kind hwckpt_resource_seccomp = {
    .name = "seccomp",
    .begin = begin,
    .save = save,
    .restore = restore,
    .finish = finish,
};
