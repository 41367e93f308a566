/* file.c - open regular files and directories: opened again by path.
 *
 * What the program wrote after the checkpoint is taken back by truncation when
 * it only appended, once every descriptor of the program could be opened. What
 * the undo logs take back is done just before: a file that is not where it was
 * waits for that.
 *
 * Files of /proc about the process itself are kept as those of /proc/self, and
 * opened when its threads are there: ids may be others by then. */
#include "../arch/sys.h"
#include "../own_mode.h"
#include "info.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define NANOSECONDS 1000000000ull
/* O_TMPFILE without O_DIRECTORY. */
#define TMPFILE (O_TMPFILE & ~O_DIRECTORY)

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return (S_ISREG(message->mode) || S_ISDIR(message->mode)) &&
         message->path[0] == '/';
}

/* ---- files of /proc ---- */

static const char of_self[] = "/proc/self";
static const char of_thread[] = "/proc/self/task/";

/* Whether the path is in the folder or is it; where it goes on behind that. */
static const char *inside(const char *path, const char *folder) {
  if (!info_begins(path, folder))
    return 0;
  path += strlen(folder);
  return *path == '/' || !*path ? path : 0;
}

/* Puts another begin before what begins at `rest` of the path. */
static void begin_with(char *path, size_t room, const char *begin,
                       const char *rest) {
  static char whole[sizeof(((Descriptor *)0)->path)];
  hwckpt_format(whole, sizeof(whole), "%s%s", begin, rest);
  hwckpt_format(path, room, "%s", whole);
}

static void name_self(Descriptor *message) {
  char own[32];
  hwckpt_format(own, sizeof(own), "/proc/%d", (int)SYS(getpid));
  const char *rest = inside(message->path, own);
  if (rest)
    begin_with(message->path, sizeof(message->path), of_self, rest);
}

static int id_now(const struct resource_source *source, int saved) {
  for (size_t i = 0; i < source->thread_count; i++)
    if (source->threads[i].saved == saved)
      return source->threads[i].now;
  return saved;
}

/* Of a thread of then, by its id of now. */
static void name_thread(const struct resource_source *source, char *path,
                        size_t room) {
  char begin[48];
  uint64_t saved;
  if (!info_begins(path, of_thread) ||
      !info_number(path + sizeof(of_thread) - 1, "", 10, &saved))
    return;
  const char *rest = path + sizeof(of_thread) - 1;
  while (*rest >= '0' && *rest <= '9')
    rest++;
  hwckpt_format(begin, sizeof(begin), "%s%d", of_thread,
                id_now(source, (int)saved));
  begin_with(path, room, begin, rest);
}

/* A path that is /proc/self itself would not be followed with O_NOFOLLOW. */
static void name_now(const struct resource_source *source, char *path,
                     size_t room) {
  char own[32];
  name_thread(source, path, room);
  const char *rest = inside(path, of_self);
  hwckpt_format(own, sizeof(own), "/proc/%d", (int)SYS(getpid));
  if (rest)
    begin_with(path, room, own, rest);
}

/* ---- saving ---- */

static bool is_of_ended(const Descriptor *message) {
  struct stat there;
  return inside(message->path, "/proc") &&
         SYS(newfstatat, AT_FDCWD, message->path, &there, 0) == -ENOENT;
}

/* A directory that has been removed leads nowhere. */
static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  struct stat there;
  (void)sink;
  if (!S_ISDIR(message->mode) && is_of_ended(message))
    return hwckpt_fail(error, HWCKPT_E_NOT_RESTORABLE, 0, message->path,
                       "descriptor %d is of a process that has ended",
                       (int)message->number);
  long result = S_ISDIR(message->mode)
                    ? SYS(newfstatat, AT_FDCWD, message->path, &there, 0)
                    : 0;
  if (!S_ISDIR(message->mode) ||
      (result == 0 && there.st_ino == message->inode &&
       there.st_dev == message->device)) {
    name_self(message);
    return 0;
  }
  return hwckpt_fail(error, HWCKPT_E_NOT_RESTORABLE, 0, message->path,
                     "descriptor %d is of a removed directory",
                     (int)message->number);
}

/* ---- restoring ---- */

static enum hwckpt_code code_of(long result) {
  switch (-result) {
  case ENOENT:
  case ENOTDIR:
  case ELOOP:
    return HWCKPT_E_FILE_GONE;
  case EACCES:
  case EPERM:
  case EROFS:
  case ETXTBSY:
  case EISDIR:
    return HWCKPT_E_FILE_PERMISSION;
  default:
    return HWCKPT_E_RESTORE_KERNEL;
  }
}

static int shorter(const Descriptor *message, const struct stat *now,
                   struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_FILE_SHORTER, 0, message->path,
                     "descriptor %d: %llu bytes, %llu at the checkpoint",
                     (int)message->number, (unsigned long long)now->st_size,
                     (unsigned long long)message->size);
}

static uint64_t mtime_of(const struct stat *now) {
  return (uint64_t)now->st_mtim.tv_sec * NANOSECONDS +
         (uint64_t)now->st_mtim.tv_nsec;
}

static int check_unchanged(const Descriptor *message, const struct stat *now,
                           struct hwckpt_error *error) {
  if (!S_ISREG(message->mode) || ((uint64_t)now->st_size == message->size &&
                                  mtime_of(now) == message->mtime_ns))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_FILE_CHANGED, 0, message->path,
                     "descriptor %d: %llu bytes, %llu at the checkpoint",
                     (int)message->number, (unsigned long long)now->st_size,
                     (unsigned long long)message->size);
}

static int bad_offset(const Descriptor *message, long result,
                      struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                     message->path, "descriptor %d: offset %llu",
                     (int)message->number, (unsigned long long)message->offset);
}

/* Looks before opening: a FIFO in the file's place would block. */
static int check(const struct resource_source *source,
                 const Descriptor *message, struct hwckpt_error *error) {
  struct stat now;
  long result = SYS(newfstatat, AT_FDCWD, message->path, &now, 0);
  if (result < 0)
    return hwckpt_fail(error, code_of(result), (int)-result, message->path,
                       "descriptor %d", (int)message->number);
  if ((now.st_mode & S_IFMT) != (message->mode & S_IFMT))
    return hwckpt_fail(error, HWCKPT_E_FILE_GONE, 0, message->path,
                       "descriptor %d: something else is in its place",
                       (int)message->number);
  if (S_ISREG(now.st_mode) && (uint64_t)now.st_size < message->size)
    return shorter(message, &now, error);
  return source->files == FILES_CHECK ? check_unchanged(message, &now, error)
                                      : 0;
}

static int reopen(struct resource_source *source, const Descriptor *saved,
                  struct hwckpt_error *error) {
  Descriptor named = *saved, *message = &named;
  name_now(source, named.path, sizeof(named.path));
  int result = check(source, message, error);
  if (result)
    return result;
  uint32_t flags = message->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC |
                                                O_CLOEXEC | TMPFILE);
  long fd = SYS(openat, AT_FDCWD, message->path, flags | O_NOCTTY, 0);
  if (fd == -EACCES)
    fd = own_mode_open(message->path, flags | O_NOCTTY, 0);
  if (fd < 0)
    return hwckpt_fail(error, code_of(fd), (int)-fd, message->path,
                       "descriptor %d", (int)message->number);
  if (flags & O_PATH)
    return (int)fd;
  long offset = SYS(lseek, fd, message->offset, 0 /* SEEK_SET */);
  if (offset >= 0)
    return (int)fd;
  SYS(close, fd);
  return bad_offset(message, offset, error);
}

static bool waits(const Descriptor *message) {
  struct stat now;
  return SYS(newfstatat, AT_FDCWD, message->path, &now, 0) < 0 ||
         now.st_dev != message->device || now.st_ino != message->inode ||
         (S_ISREG(now.st_mode) && (uint64_t)now.st_size < message->size);
}

static bool writes(const Descriptor *message) {
  return S_ISREG(message->mode) && !(message->flags & O_PATH) &&
         (message->flags & O_ACCMODE) != O_RDONLY;
}

static bool only_appends(const Descriptor *message) {
  return (message->flags & O_APPEND) || message->offset == message->size;
}

static void warn(struct resource_source *source, const Descriptor *message,
                 long result) {
  struct hwckpt_error warning;
  hwckpt_fail(&warning, HWCKPT_E_FILE_NOT_ROLLED_BACK,
              result < 0 ? (int)-result : 0, message->path,
              result < 0 ? "descriptor %d: truncating"
                         : "descriptor %d: written in its middle",
              (int)message->number);
  source->warn(source, &warning);
}

static int roll_back(struct resource_source *source, const Descriptor *message,
                     int descriptor, struct hwckpt_error *error) {
  struct stat now;
  if (!writes(message) || source->files == FILES_KEEP)
    return 0;
  long result = SYS(fstat, descriptor, &now);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                       message->path, "fstat");
  if (only_appends(message)) {
    if ((uint64_t)now.st_size <= message->size)
      return 0;
    result = SYS(ftruncate, descriptor, message->size);
    if (result < 0)
      warn(source, message, result);
  } else if (mtime_of(&now) != message->mtime_ns) {
    warn(source, message, 0);
  }
  return 0;
}

static bool comes_back(const struct resource_source *source,
                       const Descriptor *message, bool shorter) {
  return source->comes_back &&
         source->comes_back(source, message->path, shorter);
}

/* In the running program the file may have lost its name meanwhile. */
static int check_rewind(const struct resource_source *source,
                        const Descriptor *message, int descriptor,
                        struct hwckpt_error *error) {
  struct stat now;
  char path[64];
  info_descriptor(path, "fd", descriptor);
  long result = SYS(newfstatat, AT_FDCWD, path, &now, 0);
  if (result < 0 || !S_ISREG(now.st_mode))
    return 0;
  if (source->files == FILES_CHECK)
    return check_unchanged(message, &now, error);
  if (!writes(message) || (uint64_t)now.st_size >= message->size ||
      comes_back(source, message, true))
    return 0;
  return shorter(message, &now, error);
}

static int check_either(struct resource_source *source,
                        const Descriptor *message, int descriptor,
                        struct hwckpt_error *error) {
  if (descriptor >= 0)
    return check_rewind(source, message, descriptor, error);
  int fd = reopen(source, message, error);
  if (fd == -HWCKPT_E_FILE_GONE || fd == -HWCKPT_E_FILE_SHORTER)
    return comes_back(source, message, fd == -HWCKPT_E_FILE_SHORTER) ? 0 : fd;
  if (fd < 0)
    return fd;
  SYS(close, fd);
  return 0;
}

static int take_back(struct resource_source *source, const Descriptor *message,
                     int descriptor, struct hwckpt_error *error) {
  (void)source;
  if (message->flags & O_PATH)
    return 0;
  SYS(fcntl, descriptor, F_SETFL, message->flags);
  long offset = SYS(lseek, descriptor, message->offset, 0 /* SEEK_SET */);
  return offset < 0 ? bad_offset(message, offset, error) : 0;
}

const struct descriptor_kind hwckpt_descriptor_file = {
    .name = "file",
    .kind = DescriptorKind_DESCRIPTOR_FILE,
    .recognise = recognise,
    .save = save,
    .open = reopen,
    .waits = waits,
    .settle = roll_back,
    .rewind = take_back,
    .check = check_either,
};
