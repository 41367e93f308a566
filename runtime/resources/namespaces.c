/* namespaces.c - namespaces that the program has entered itself (unshare(2),
 * setns(2)): what is in them is not part of a checkpoint, so they are refused,
 * also by what it then executes, in its place or as a child. Those that the
 * first program was started in are of who restores.
 *
 * They are looked at before the stop, which their ten paths would lengthen by
 * 34 us: one that is entered in between is seen by the next checkpoint. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char *const names[] = {
    "user",
    "mnt",
    "net",
    "ipc",
    "uts",
    "pid",
    "cgroup",
    "time",
    "pid_for_children",
    "time_for_children",
};
#define NAMES (sizeof(names) / sizeof(*names))

/* Inodes, 0: not known. */
static LIVE uint64_t started[NAMES], now[NAMES];
/* A name, of what was entered before this program was executed; or "". */
static LIVE char before[32];

/* In the order of their names. A file system of the kernel's own holds them, so
 * that numbers are not used twice at a time. */
static void read_inodes(uint64_t inodes[NAMES]) {
  char path[64];
  struct stat status;
  info_path(path, "ns");
  long folder = SYS(openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
  for (size_t i = 0; i < NAMES; i++)
    inodes[i] = folder >= 0 && !SYS(newfstatat, folder, names[i], &status, 0)
                    ? status.st_ino
                    : 0;
  if (folder >= 0)
    SYS(close, folder);
}

static void begin(void) { read_inodes(started); }

static void look(void) { read_inodes(now); }

static bool is_entered(const uint64_t inodes[NAMES], size_t i) {
  return inodes[i] && started[i] && inodes[i] != started[i];
}

void resources_executed_in(const char *entered) {
  hwckpt_format(before, sizeof(before), "%s", entered);
}

const char *resources_entered(void) {
  uint64_t inodes[NAMES];
  size_t i = 0;
  if (*before)
    return before;
  read_inodes(inodes);
  while (i < NAMES && !is_entered(inodes, i))
    i++;
  return i < NAMES ? names[i] : "";
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  if (*before)
    result = resource_unsupported(
        sink, error, before,
        "a namespace of this kind was entered before the program was executed");
  for (size_t i = 0; i < NAMES && !result; i++)
    if (is_entered(now, i))
      result = resource_unsupported(
          sink, error, names[i],
          "the program has entered a namespace of this kind");
  return result;
}

const struct resource_kind hwckpt_resource_namespaces = {
    .name = "namespaces",
    .begin = begin,
    .look = look,
    .save = save,
};
