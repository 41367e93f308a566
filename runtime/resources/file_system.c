/* file_system.c - root and working directory, and file creation mask.
 *
 * They are read of the main thread, through /proc: the checkpoint thread may
 * have ones of its own. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "info.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <sys/stat.h>

static int check_directory(struct resource_sink *sink, const char *directory,
                           struct hwckpt_error *error) {
  struct stat there;
  if (SYS(newfstatat, AT_FDCWD, directory, &there, 0) != -ENOENT)
    return 0;
  return resource_unsupported(sink, error, directory,
                              "the working directory is removed");
}

/* The one that the program began with, or came back in: who restores has the
 * same, and all paths of records are from there. */
static LIVE struct {
  uint64_t device, inode;
} root;

static void begin(void) {
  struct stat status;
  if (SYS(newfstatat, AT_FDCWD, "/", &status, 0) == 0) {
    root.device = status.st_dev;
    root.inode = status.st_ino;
  }
}

static bool is_root(const char *path) {
  struct stat status;
  return SYS(newfstatat, AT_FDCWD, path, &status, 0) < 0 ||
         (status.st_dev == root.device && status.st_ino == root.inode);
}

/* As in a child that was forked behind chroot(2). */
int resources_within_reach(struct hwckpt_error *error) {
  if (is_root("/"))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_SUPPORTED, 0, "/",
                     "the program began with another root directory");
}

static int read_link(const char *name, char *text, size_t room,
                     struct hwckpt_error *error) {
  char path[64];
  info_path(path, "%s", name);
  long length = SYS(readlink, path, text, room - 1);
  if (length < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-length, path, "readlink");
  text[length] = 0;
  return 0;
}

static int save_root(struct resource_sink *sink, FileSystem *message,
                     struct hwckpt_error *error) {
  char path[64];
  struct stat there;
  info_path(path, "root");
  sink->another_root = !is_root(path);
  if (!sink->another_root)
    return 0;
  int result = read_link("root", message->root, sizeof(message->root), error);
  if (result || SYS(newfstatat, AT_FDCWD, message->root, &there, 0) == 0)
    return result;
  message->root[0] = 0;
  return resource_unsupported(sink, error, path,
                              "the program's root directory has no path");
}

/* Threads may leave what all of them have in common (unshare(2)). One that has
 * ended, as the first may have, has none of it. */
static int check_threads(struct resource_sink *sink,
                         struct hwckpt_error *error) {
  static const struct {
    int type;
    const char *what;
  } common[] = {{KCMP_FS, "a working directory and file creation mask"},
                {KCMP_FILES, "a table of descriptors"}};
  int pid = (int)SYS(getpid), first = info_thread();
  for (size_t i = 0; i < sink->thread_count; i++) {
    int tid = sink->threads[i].tid;
    for (unsigned k = 0; tid != pid && tid != first && k < 2; k++)
      if (SYS(kcmp, first, tid, common[k].type, 0, 0) > 0)
        return resource_unsupported(sink, error, "threads",
                                    "thread %d has %s of its own", tid,
                                    common[k].what);
  }
  return 0;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  static FileSystem message;
  message = (FileSystem)FileSystem_init_zero;
  int result = check_threads(sink, error);
  if (!result)
    result =
        read_link("cwd", message.directory, sizeof(message.directory), error);
  if (!result)
    result = save_root(sink, &message, error);
  if (!result)
    result = check_directory(sink, message.directory, error);
  if (result)
    return result;
  uint64_t mask;
  if (!info_number(sink->status, "\nUmask:", 8, &mask))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, "/proc/self/status",
                       "no Umask: line");
  message.umask = (uint32_t)mask;
  return resource_put(sink, RECORD_FILE_SYSTEM, FileSystem_fields, &message,
                      error);
}

static int gone(const char *path, long result, const char *what,
                struct hwckpt_error *error) {
  return hwckpt_fail(
      error, result == -EACCES ? HWCKPT_E_FILE_PERMISSION : HWCKPT_E_FILE_GONE,
      (int)-result, path, "%s", what);
}

static int check_path(const char *path, const char *what,
                      struct hwckpt_error *error) {
  long directory =
      SYS(openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0)
    return gone(path, directory, what, error);
  SYS(close, directory);
  return 0;
}

static const char working[] = "working directory";

static int find(const struct resource_source *source, FileSystem *message,
                struct hwckpt_error *error) {
  for (size_t i = 0; i < source->count; i++)
    if (source->records[i].type == RECORD_FILE_SYSTEM)
      return resource_get(&source->records[i], FileSystem_fields, message,
                          error);
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, working, "missing");
}

/* What is to be entered at last. */
static char root_to_enter[sizeof(((FileSystem *)0)->root)];

static int prepare_root(const char *path, struct hwckpt_error *error) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {{0}};
  hwckpt_format(root_to_enter, sizeof(root_to_enter), "%s", path);
  if (!*path)
    return 0;
  int result = check_path(path, "root directory", error);
  if (result)
    return result;
  SYS(capget, &header, sets);
  if (sets[0].effective >> CAP_SYS_CHROOT & 1)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, EPERM, path,
                     "root directory: needs CAP_SYS_CHROOT");
}

int resources_enter_root(struct hwckpt_error *error) {
  long result = *root_to_enter ? SYS(chroot, root_to_enter) : 0;
  return result < 0 ? hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                                  root_to_enter, "chroot")
                    : 0;
}

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  FileSystem *message = source->scratch;
  int result = find(source, message, error);
  if (!result && !source->rolls_back)
    result = prepare_root(message->root, error);
  if (result)
    return result;
  long changed = SYS(chdir, message->directory);
  if (changed < 0)
    return gone(message->directory, changed, working, error);
  SYS(umask, message->umask);
  return 0;
}

static int check_working(const struct resource_source *source, const char *path,
                         struct hwckpt_error *error) {
  int result = check_path(path, working, error);
  bool back = result == -HWCKPT_E_FILE_GONE && source->comes_back &&
              source->comes_back(source, path, false);
  return back ? 0 : result;
}

/* No way leads back out of another root. */
static int check(struct resource_source *source, struct hwckpt_error *error) {
  FileSystem *message = source->scratch;
  int result = find(source, message, error);
  if (!result && (*message->root || !is_root("/")))
    result = hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, "/",
                         "the program has another root directory");
  return result ? result : check_working(source, message->directory, error);
}

const struct resource_kind hwckpt_resource_file_system = {
    .name = "file system",
    .begin = begin,
    .save = save,
    .restore = restore,
    .check = check,
};
