/* namespaces.c - namespaces that the program has entered itself (unshare(2),
 * setns(2)): what is in them is not part of a checkpoint, so they are refused.
 * Those it was started in are of who restores.
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

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < NAMES && !result; i++)
    if (now[i] && started[i] && now[i] != started[i])
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
