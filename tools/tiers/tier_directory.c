/* tier_directory.c - a tier that is a directory, of a parallel or network file
 * system say: DIR/APPLICATION/FILE.
 *
 * Invariant: all of it is its user's alone (directories 0700, files 0600, no
 * symbolic link on the way below DIR), for what lies there is run when it is
 * restored. A file has its name when it is durable; until then it is a .part.
 */
#include "own.h"
#include "tier_kind.h"

#include "runtime/cache/cache.h"
#include "runtime/cache/format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PART ((size_t)1 << 20)
#define PART_SUFFIX ".part"
#define LOCK_TRIES 50 /* half a second: then somebody writes it */
#define LOCK_PAUSE_NS 10000000L

struct directory {
  int fd;
  struct tier_pace *pace;
  char path[4096];
};

struct put {
  struct directory *of;
  int directory, fd;
  uint64_t there; /* bytes of it from an earlier time, not compared yet */
  char file[TIER_FILE_MAX], part[TIER_FILE_MAX + sizeof PART_SUFFIX];
  char name[CACHE_NAME_MAX + TIER_FILE_MAX];
};

struct get {
  int fd;
  char name[CACHE_NAME_MAX + TIER_FILE_MAX];
};

static int io_failed(const char *name, const char *doing,
                     struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_TIER_IO, errno, name, "%s", doing);
}

/* It may be there. */
static bool make_directory(int directory, const char *name) {
  int made = cache_io_kernel.mkdirat(directory, name, S_IRWXU);
  errno = made < 0 ? -made : errno;
  return made == 0 || errno == EEXIST;
}

static int open_directory(const char *name, bool create, struct tier_pace *pace,
                          void **self, struct hwckpt_error *error) {
  struct directory *directory = calloc(1, sizeof *directory);
  if (!directory)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, name, "%s", "");
  snprintf(directory->path, sizeof directory->path, "%s", name);
  directory->pace = pace;
  if (create && !make_directory(AT_FDCWD, name)) {
    free(directory);
    return io_failed(name, "mkdir", error);
  }
  directory->fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failed = directory->fd < 0
                   ? io_failed(name, "open", error)
                   : own_check(directory->fd, S_IFDIR, name, error);
  if (failed) {
    if (directory->fd >= 0)
      close(directory->fd);
    free(directory);
  } else
    *self = directory;
  return failed;
}

static void close_directory(void *self) {
  struct directory *directory = self;
  close(directory->fd);
  free(directory);
}

/* The application's directory, checked; -1 in *fd: there is none. */
static int open_application(const struct directory *directory,
                            const char *application, bool create, int *fd,
                            struct hwckpt_error *error) {
  *fd = -1;
  if (create && !make_directory(directory->fd, application))
    return io_failed(application, "mkdir", error);
  *fd = own_open(directory->fd, application, O_RDONLY | O_DIRECTORY);
  if (*fd < 0)
    return errno == ENOENT && !create ? 0
                                      : io_failed(application, "open", error);
  int failed = own_check(*fd, S_IFDIR, application, error);
  if (failed) {
    close(*fd);
    *fd = -1;
  }
  return failed;
}

/* ---- listing ---- */

static int each_file(const struct directory *directory, const char *application,
                     tier_visit_fn *visit, void *context,
                     struct hwckpt_error *error) {
  struct stat status;
  int fd, result = open_application(directory, application, false, &fd, error);
  if (fd < 0)
    return result;
  DIR *list = fdopendir(fd);
  if (!list) {
    close(fd);
    return io_failed(application, "fdopendir", error);
  }
  for (struct dirent *entry; !result && (entry = readdir(list));)
    if (strlen(entry->d_name) < TIER_FILE_MAX &&
        !fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) &&
        S_ISREG(status.st_mode))
      result =
          visit(application, entry->d_name, (uint64_t)status.st_size, context);
  closedir(list);
  return result;
}

static int each(void *self, const char *application, tier_visit_fn *visit,
                void *context, struct hwckpt_error *error) {
  const struct directory *directory = self;
  if (application)
    return each_file(directory, application, visit, context, error);
  int fd = own_open(directory->fd, ".", O_RDONLY | O_DIRECTORY);
  DIR *list = fd < 0 ? NULL : fdopendir(fd);
  int result = 0;
  if (!list) {
    if (fd >= 0)
      close(fd);
    return io_failed(directory->path, "open", error);
  }
  for (struct dirent *entry; !result && (entry = readdir(list));)
    if (format_valid_application(entry->d_name))
      result = each_file(directory, entry->d_name, visit, context, error);
  closedir(list);
  return result;
}

/* Whether the name is still that of the file. */
static bool is_named(int directory, const char *name, int fd) {
  struct stat named, open;
  return directory >= 0 &&
         !fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) &&
         !fstat(fd, &open) && named.st_dev == open.st_dev &&
         named.st_ino == open.st_ino;
}

static int remove_file(void *self, const char *application, const char *file,
                       struct hwckpt_error *error) {
  int fd, failed = open_application(self, application, false, &fd, error);
  if (fd < 0)
    return failed;
  if (unlinkat(fd, file, 0) && errno != ENOENT)
    failed = io_failed(file, "unlink", error);
  close(fd);
  return failed;
}

struct dropping {
  const struct directory *of;
  tier_stale_fn *stale;
  void *context;
  struct hwckpt_error *error;
};

/* One that somebody writes, who has its lock, stays; also when it has its name
 * since it was opened here. */
static int drop_one(const char *application, const char *name, uint64_t size,
                    void *context) {
  const struct dropping *dropping = context;
  size_t length = strlen(name), suffix = sizeof PART_SUFFIX - 1;
  char file[TIER_FILE_MAX];
  int fd, failed;
  (void)size;
  if (length <= suffix || strcmp(name + length - suffix, PART_SUFFIX) != 0)
    return 0;
  snprintf(file, sizeof file, "%.*s", (int)(length - suffix), name);
  if (!dropping->stale(file, dropping->context))
    return 0;
  failed =
      open_application(dropping->of, application, false, &fd, dropping->error);
  int begun = own_open(fd, name, O_RDONLY);
  if (begun >= 0 && !flock(begun, LOCK_EX | LOCK_NB) &&
      is_named(fd, name, begun) && unlinkat(fd, name, 0) && errno != ENOENT)
    failed = io_failed(name, "unlink", dropping->error);
  if (begun >= 0)
    close(begun);
  if (fd >= 0)
    close(fd);
  return failed;
}

static int drop_begun(void *self, const char *application, tier_stale_fn *stale,
                      void *context, struct hwckpt_error *error) {
  struct dropping dropping = {self, stale, context, error};
  return each_file(self, application, drop_one, &dropping, error);
}

/* ---- putting ---- */

static void free_put(struct put *put) {
  if (put->fd >= 0)
    close(put->fd);
  if (put->directory >= 0)
    close(put->directory);
  free(put);
}

/* Who only looks whether a part is to go has its lock for a moment. */
static bool lock_part(int fd) {
  const struct timespec moment = {.tv_nsec = LOCK_PAUSE_NS};
  int failed;
  for (unsigned try = 0; (failed = flock(fd, LOCK_EX | LOCK_NB)) &&
                         errno == EWOULDBLOCK && try < LOCK_TRIES;
       try++)
    nanosleep(&moment, NULL);
  return !failed;
}

/* Whoever held the lock until now may have made a copy of it, or removed it:
 * then it is opened again. */
static int open_part(struct put *put, struct hwckpt_error *error) {
  int failed;
  do {
    if (put->fd >= 0)
      close(put->fd);
    put->fd = own_open(put->directory, put->part, O_RDWR | O_CREAT);
    if (put->fd < 0)
      return io_failed(put->name, "create", error);
    failed = own_check(put->fd, S_IFREG, put->name, error);
    if (!failed && !lock_part(put->fd))
      failed = io_failed(put->name, "another hwckpt writes it", error);
  } while (!failed && !is_named(put->directory, put->part, put->fd));
  off_t end = failed ? 0 : lseek(put->fd, 0, SEEK_END);
  put->there = end > 0 ? (uint64_t)end : 0;
  return failed;
}

static int put_begin(void *self, const char *application, const char *file,
                     void **result, struct hwckpt_error *error) {
  struct put *put = calloc(1, sizeof *put);
  if (!put)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, file, "%s", "");
  put->of = self;
  put->fd = put->directory = -1;
  snprintf(put->file, sizeof put->file, "%s", file);
  snprintf(put->part, sizeof put->part, "%s" PART_SUFFIX, file);
  snprintf(put->name, sizeof put->name, "%s/%s", application, file);
  int failed =
      open_application(self, application, true, &put->directory, error);
  if (!failed)
    failed = open_part(put, error);
  if (failed)
    free_put(put);
  else
    *result = put;
  return failed;
}

/* Whether the bytes are there from an earlier time. */
static bool is_there(const struct put *put, uint64_t offset, const void *data,
                     size_t length) {
  bool same = false;
  unsigned char *there;
  if (offset + length > put->there || !(there = malloc(length)))
    return false;
  same = pread(put->fd, there, length, (off_t)offset) == (ssize_t)length &&
         !memcmp(there, data, length);
  free(there);
  return same;
}

static int put_part(void *context, uint64_t offset, const void *data,
                    size_t length, struct hwckpt_error *error) {
  struct put *put = context;
  const unsigned char *from = data;
  if (is_there(put, offset, data, length))
    return 0;
  put->there = 0;
  tier_pace_wait(put->of->pace, length);
  while (length) {
    ssize_t written = pwrite(put->fd, from, length, (off_t)offset);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return io_failed(put->name, "write", error);
    from += written;
    offset += (uint64_t)written;
    length -= (size_t)written;
  }
  return 0;
}

static int put_end(void *context, uint64_t length, bool failed,
                   struct hwckpt_error *error) {
  struct put *put = context;
  int result = 0;
  if (failed)
    ;
  else if (ftruncate(put->fd, (off_t)length) || fsync(put->fd))
    result = io_failed(put->name, "fsync", error);
  else if (renameat(put->directory, put->part, put->directory, put->file))
    result = io_failed(put->name, "rename", error);
  else if (fsync(put->directory) && errno != EINVAL)
    result = io_failed(put->name, "fsync of its directory", error);
  free_put(put);
  return result;
}

/* ---- getting ---- */

static int get_begin(void *self, const char *application, const char *file,
                     void **result, struct hwckpt_error *error) {
  struct get *get = calloc(1, sizeof *get);
  int directory,
      failed = open_application(self, application, false, &directory, error);
  if (!get || directory < 0) {
    free(get);
    return failed ? failed
                  : hwckpt_fail(error, HWCKPT_E_TIER_IO, ENOENT, application,
                                "open");
  }
  snprintf(get->name, sizeof get->name, "%s/%s", application, file);
  get->fd = own_open(directory, file, O_RDONLY);
  failed = get->fd < 0 ? io_failed(get->name, "open", error)
                       : own_check(get->fd, S_IFREG, get->name, error);
  close(directory);
  if (failed) {
    if (get->fd >= 0)
      close(get->fd);
    free(get);
  } else
    *result = get;
  return failed;
}

static int get_part(void *context, uint64_t offset, void *data, size_t length,
                    size_t *got, struct hwckpt_error *error) {
  const struct get *get = context;
  *got = 0;
  while (*got < length) {
    ssize_t result = pread(get->fd, (unsigned char *)data + *got, length - *got,
                           (off_t)(offset + *got));
    if (result < 0 && errno == EINTR)
      continue;
    if (result < 0)
      return io_failed(get->name, "read", error);
    if (!result)
      break;
    *got += (size_t)result;
  }
  return 0;
}

static void get_end(void *context) {
  struct get *get = context;
  close(get->fd);
  free(get);
}

const struct tier_kind tier_directory = {
    .part = PART,
    .open = open_directory,
    .close = close_directory,
    .each = each,
    .remove = remove_file,
    .drop_begun = drop_begun,
    .put_begin = put_begin,
    .put_part = put_part,
    .put_end = put_end,
    .get_begin = get_begin,
    .get_part = get_part,
    .get_end = get_end,
};
