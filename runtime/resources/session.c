/* session.c - the session and the process group that the program made itself
 * (setsid(2), setpgid(2)); those it was started in are of who restores. Whether
 * its group was in front of the terminal is for the tool, which may give its
 * own place there. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "resource.h"

#include <fcntl.h>
#include <sys/ioctl.h>

static LIVE struct {
  long session, group;
} started;

static void begin(void) {
  started.session = SYS(getsid, 0);
  started.group = SYS(getpgid, 0);
}

static bool is_in_front(long group) {
  int front = 0;
  long terminal = SYS(openat, AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY, 0);
  if (terminal < 0)
    return false;
  long result = SYS(ioctl, terminal, TIOCGPGRP, &front);
  SYS(close, terminal);
  return result == 0 && front == group;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  long pid = SYS(getpid);
  long session = SYS(getsid, 0);
  long group = SYS(getpgid, 0);
  Session message = {
      .leads_session = session == pid && started.session != session,
      .leads_group = group == pid && started.group != group,
      .in_front = is_in_front(group),
  };
  if (!message.leads_session && !message.leads_group && !message.in_front)
    return 0;
  return resource_put(sink, RECORD_SESSION, Session_fields, &message, error);
}

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  Session message;
  size_t at = (size_t)-1;
  /* Of a tree, who makes its processes has made them. */
  if (source->rolls_back || source->take ||
      !resource_next(source, RECORD_SESSION, &at))
    return 0;
  int failed =
      resource_get(&source->records[at], Session_fields, &message, error);
  if (failed)
    return failed;
  long result = message.leads_session ? SYS(setsid)
                : message.leads_group ? SYS(setpgid, 0, 0)
                                      : 0;
  if (result < 0)
    resource_not_set(source, result, "session", "%s",
                     message.leads_session ? "setsid" : "setpgid");
  return 0;
}

const struct resource_kind hwckpt_resource_session = {
    .name = "session",
    .begin = begin,
    .save = save,
    .restore = restore,
};
