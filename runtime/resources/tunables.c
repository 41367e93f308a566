/* tunables.c - what a process writes into files of its own in /proc: what a
 * core dump of it holds (coredump_filter), and how soon it is ended when memory
 * is short (oom_score_adj, where the program changed that itself: else it is of
 * who restores).
 *
 * With CAP_SYS_RESOURCE a value also becomes the lowest that the process may go
 * back to without it. The lowest is not told; so it is written without that
 * right where that is allowed, and the lowest stays that of who restores. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>

static const char core_filter[] = "/proc/self/coredump_filter";
static const char oom_adjustment[] = "/proc/self/oom_score_adj";

/* Of who started it; the program's own once it was restored. */
static LIVE struct {
  int32_t adjustment;
  bool known, chosen;
} first;

static bool read_number(const char *path, unsigned base, int32_t *value) {
  struct info info;
  uint64_t number = 0;
  if (info_open_path(&info, path) < 0)
    return false;
  const char *line = info_line(&info);
  bool negative = line && *line == '-';
  bool found = line && info_number(line + negative, "", base, &number);
  info_close(&info);
  *value = negative ? -(int32_t)number : (int32_t)number;
  return found;
}

static long write_text(const char *path, const char *text) {
  long fd = SYS(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  long result = SYS(write, fd, text, strlen(text));
  SYS(close, fd);
  return result;
}

static void begin(void) {
  first.chosen = false;
  first.known = read_number(oom_adjustment, 10, &first.adjustment);
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  Tunables message = Tunables_init_zero;
  int32_t filter;
  char path[48];
  /* A first thread that has ended has none. */
  hwckpt_format(path, sizeof(path), "/proc/%d/coredump_filter", info_thread());
  message.has_core_filter = read_number(path, 16, &filter);
  message.core_filter = message.has_core_filter ? (uint32_t)filter : 0;
  message.has_oom_adjustment =
      read_number(oom_adjustment, 10, &message.oom_adjustment) &&
      (first.chosen ||
       (first.known && first.adjustment != message.oom_adjustment));
  return resource_put(sink, RECORD_TUNABLES, Tunables_fields, &message, error);
}

static void set_core_filter(struct resource_source *source, uint32_t filter) {
  char text[16];
  int32_t now;
  if (read_number(core_filter, 16, &now) && (uint32_t)now == filter)
    return;
  hwckpt_format(text, sizeof(text), "0x%x", filter);
  long result = write_text(core_filter, text);
  if (result < 0)
    resource_not_set(source, result, core_filter, "%s", text);
}

/* Writes it without the right to go below the lowest. */
static long write_plainly(const char *text) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  long result = SYS(capget, &header, sets);
  if (result < 0)
    return result;
  uint32_t effective = sets[0].effective;
  sets[0].effective &= ~(1u << CAP_SYS_RESOURCE);
  SYS(capset, &header, sets);
  result = write_text(oom_adjustment, text);
  sets[0].effective = effective;
  SYS(capset, &header, sets);
  return result;
}

static void set_oom_adjustment(struct resource_source *source,
                               int32_t adjustment) {
  char text[16];
  int32_t now;
  if (read_number(oom_adjustment, 10, &now) && now == adjustment)
    return;
  hwckpt_format(text, sizeof(text), "%d", (int)adjustment);
  if (write_plainly(text) >= 0)
    return;
  long result = write_text(oom_adjustment, text);
  if (result < 0)
    resource_not_set(source, result, oom_adjustment, "%s", text);
}

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  Tunables message;
  size_t at = (size_t)-1;
  if (!resource_next(source, RECORD_TUNABLES, &at))
    return 0;
  int result =
      resource_get(&source->records[at], Tunables_fields, &message, error);
  if (result)
    return result;
  if (message.has_core_filter)
    set_core_filter(source, message.core_filter);
  first.chosen |= message.has_oom_adjustment;
  if (message.has_oom_adjustment)
    set_oom_adjustment(source, message.oom_adjustment);
  else if (source->rolls_back && first.known)
    set_oom_adjustment(source, first.adjustment);
  return 0;
}

const struct resource_kind hwckpt_resource_tunables = {
    .name = "tunables",
    .begin = begin,
    .save = save,
    .restore = restore,
};
