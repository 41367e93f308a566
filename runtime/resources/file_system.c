/* file_system.c - working directory and file creation mask.
 *
 * Both are read of the main thread, through /proc: the checkpoint thread may
 * have ones of its own. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The octal number after "Umask:" in the text of /proc/self/status. */
static bool parse_umask(const char *text, uint32_t *mask) {
  static const char key[] = "\nUmask:";
  for (; *text; text++) {
    size_t i = 0;
    while (key[i] && text[i] == key[i])
      i++;
    if (key[i])
      continue;
    text += i;
    while (*text == '\t' || *text == ' ')
      text++;
    for (*mask = 0; *text >= '0' && *text <= '7'; text++)
      *mask = *mask * 8 + (uint32_t)(*text - '0');
    return true;
  }
  return false;
}

static int read_umask(uint32_t *mask, struct hwckpt_error *error) {
  static const char path[] = "/proc/self/status";
  char text[2048];
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-fd, path, "open");
  long length = SYS(read, fd, text, sizeof(text) - 1);
  SYS(close, fd);
  if (length < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-length, path, "read");
  text[length] = 0;
  if (!parse_umask(text, mask))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, path, "no Umask: line");
  return 0;
}

static void warn_if_gone(struct resource_sink *sink, const char *directory) {
  struct stat there;
  struct hwckpt_error warning;
  long result = SYS(newfstatat, AT_FDCWD, directory, &there, 0);
  if (result != -ENOENT)
    return;
  hwckpt_fail(&warning, HWCKPT_E_UNSUPPORTED, 0, directory,
              "the working directory is removed");
  sink->warn(sink, &warning);
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  FileSystem message = FileSystem_init_zero;
  long length = SYS(readlink, "/proc/self/cwd", message.directory,
                    sizeof(message.directory) - 1);
  if (length < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-length, "/proc/self/cwd",
                       "readlink");
  message.directory[length] = 0;
  warn_if_gone(sink, message.directory);
  int result = read_umask(&message.umask, error);
  if (result)
    return result;
  return resource_put(sink, RECORD_FILE_SYSTEM, FileSystem_fields, &message,
                      error);
}

static int apply(const FileSystem *message, struct hwckpt_error *error) {
  long result = SYS(chdir, message->directory);
  if (result < 0)
    return hwckpt_fail(error,
                       result == -EACCES ? HWCKPT_E_FILE_PERMISSION
                                         : HWCKPT_E_FILE_GONE,
                       (int)-result, message->directory, "working directory");
  SYS(umask, message->umask);
  return 0;
}

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  FileSystem message;
  for (size_t i = 0; i < source->count; i++) {
    if (source->records[i].type != RECORD_FILE_SYSTEM)
      continue;
    int result =
        resource_get(&source->records[i], FileSystem_fields, &message, error);
    return result ? result : apply(&message, error);
  }
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "working directory", "missing");
}

const struct resource_kind hwckpt_resource_file_system = {"file system", save,
                                                          restore};
