/* trigger.c - the monitor of files that appear or change.
 *
 * Their folders are watched (inotify(7)), so that a file need not be there.
 * What counts is that the file is whole: it is closed after it was written,
 * moved or linked there, or its times or rights change.
 */
#include "../arch/sys.h"
#include "../support/live.h"
#include "monitor.h"
#include "watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_CREATE)

static LIVE struct {
  bool started;
  int inotify;            /* 0: none */
  int watches[RULES_MAX]; /* of the folder; 0: none */
} triggers;

static bool wanted(void) { return monitors_next_rule(&kind_file, 0) != 0; }

static const char *base_name(const char *path) {
  const char *base = path;
  for (; *path; path++)
    if (*path == '/')
      base = path + 1;
  return base;
}

static bool is_same(const char *a, const char *b) {
  return strlen(a) == strlen(b) && memcmp(a, b, strlen(a)) == 0;
}

/* What was only made is written next; other than a link, and what is no file.
 */
static bool is_whole(const struct rule *rule, uint32_t mask) {
  struct stat status;
  if (!(mask & IN_CREATE))
    return true;
  return SYS(newfstatat, AT_FDCWD, rule->name, &status, AT_SYMLINK_NOFOLLOW) ==
             0 &&
         (!S_ISREG(status.st_mode) || status.st_nlink > 1);
}

/* Bit per rule that has this event. */
static uint32_t rules_of(const struct inotify_event *event) {
  const struct rule *rule = 0;
  uint32_t found = 0;
  while ((rule = monitors_next_rule(&kind_file, rule))) {
    uint32_t index = monitors_index(rule);
    if (triggers.watches[index] == event->wd && event->len &&
        is_same(event->name, base_name(rule->name)) &&
        is_whole(rule, event->mask))
      found |= 1u << index;
    else if (triggers.watches[index] == event->wd && event->mask & IN_IGNORED)
      triggers.watches[index] = 0; /* the folder is gone */
  }
  return found;
}

static void ready(uint32_t unused, uint32_t events) {
  (void)unused;
  (void)events;
  union {
    struct inotify_event event;
    char bytes[4096];
  } buffer;
  uint32_t found = 0;
  for (long length; (length = SYS(read, triggers.inotify, buffer.bytes,
                                  sizeof buffer.bytes)) > 0;)
    for (long at = 0; at < length;) {
      const struct inotify_event *event =
          (const struct inotify_event *)(const void *)(buffer.bytes + at);
      found |= rules_of(event);
      at += (long)(sizeof *event + event->len);
    }
  for (; found; found &= found - 1)
    monitors_fire(&monitors_rules()->rule[__builtin_ctz(found)], 0);
}

/* 0 or a negative errno. */
static int open_inotify(void) {
  if (triggers.inotify)
    return 0;
  long inotify = SYS(inotify_init1, IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0)
    return (int)inotify;
  int failed = watcher_add((int)inotify, EPOLLIN, ready, 0);
  if (failed)
    SYS(close, inotify);
  else
    triggers.inotify = (int)inotify;
  return failed;
}

static void start_rule(const struct rule *rule) {
  char folder[RULE_TEXT];
  size_t length = (size_t)(base_name(rule->name) - rule->name);
  hwckpt_format(folder, sizeof folder, "%.*s", (int)length, rule->name);
  long watch = open_inotify();
  if (watch == 0)
    watch = SYS(inotify_add_watch, triggers.inotify, folder,
                CHANGES | IN_ONLYDIR | IN_MASK_ADD);
  if (watch < 0) {
    struct hwckpt_error error;
    hwckpt_fail(&error, HWCKPT_E_EVENT_FAILED, (int)-watch, rule->text,
                "its folder %s", folder);
    events_say(&error);
    return;
  }
  triggers.watches[monitors_index(rule)] = (int)watch;
}

static void start(const struct hwckpt_options *options) {
  const struct rule *rule = 0;
  (void)options;
  if (triggers.started)
    return;
  triggers.started = true;
  while ((rule = monitors_next_rule(&kind_file, rule)))
    start_rule(rule);
}

static void forget(void) { memset(&triggers, 0, sizeof triggers); }

const struct monitor trigger_monitor = {
    .name = "file",
    .event = Event_EVENT_FILE,
    .wanted = wanted,
    .start = start,
    .forget = forget,
};
