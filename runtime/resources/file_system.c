/* file_system.c - working directory and file creation mask.
 *
 * Both are read of the main thread, through /proc: the checkpoint thread may
 * have ones of its own. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "info.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int check_directory(struct resource_sink *sink, const char *directory,
                           struct hwckpt_error *error) {
  struct stat there;
  if (SYS(newfstatat, AT_FDCWD, directory, &there, 0) != -ENOENT)
    return 0;
  return resource_unsupported(sink, error, directory,
                              "the working directory is removed");
}

/* Paths of then lead nowhere from another root. */
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

static const char another_root[] = "the program has another root directory";

static bool is_root(const struct stat *status) {
  return status->st_dev == root.device && status->st_ino == root.inode;
}

static int check_root(struct resource_sink *sink, struct hwckpt_error *error) {
  struct stat status;
  if (SYS(newfstatat, AT_FDCWD, "/proc/self/root", &status, 0) < 0 ||
      is_root(&status))
    return 0;
  return resource_unsupported(sink, error, "/", another_root);
}

/* Most roots have no /proc. */
int resources_within_reach(struct hwckpt_error *error) {
  struct stat status;
  if (SYS(newfstatat, AT_FDCWD, "/proc/self/root", &status, 0) == 0 ||
      SYS(newfstatat, AT_FDCWD, "/", &status, 0) < 0 || is_root(&status))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_SUPPORTED, 0, "/", another_root);
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  FileSystem message = FileSystem_init_zero;
  char path[64];
  info_path(path, "cwd");
  long length =
      SYS(readlink, path, message.directory, sizeof(message.directory) - 1);
  if (length < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-length, path, "readlink");
  message.directory[length] = 0;
  int result = check_root(sink, error);
  if (result)
    return result;
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

static int gone(const FileSystem *message, long result,
                struct hwckpt_error *error) {
  return hwckpt_fail(
      error, result == -EACCES ? HWCKPT_E_FILE_PERMISSION : HWCKPT_E_FILE_GONE,
      (int)-result, message->directory, "working directory");
}

static int apply(const FileSystem *message, struct hwckpt_error *error) {
  long result = SYS(chdir, message->directory);
  if (result < 0)
    return gone(message, result, error);
  SYS(umask, message->umask);
  return 0;
}

static int find(const struct resource_source *source, FileSystem *message,
                struct hwckpt_error *error) {
  for (size_t i = 0; i < source->count; i++)
    if (source->records[i].type == RECORD_FILE_SYSTEM)
      return resource_get(&source->records[i], FileSystem_fields, message,
                          error);
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "working directory", "missing");
}

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  FileSystem message;
  int result = find(source, &message, error);
  return result ? result : apply(&message, error);
}

static int check(struct resource_source *source, struct hwckpt_error *error) {
  FileSystem message;
  int result = find(source, &message, error);
  if (result)
    return result;
  long directory = SYS(openat, AT_FDCWD, message.directory,
                       O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0)
    return gone(&message, directory, error);
  SYS(close, directory);
  return 0;
}

const struct resource_kind hwckpt_resource_file_system = {
    .name = "file system",
    .begin = begin,
    .save = save,
    .restore = restore,
    .check = check,
};
