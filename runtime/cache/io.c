/* io.c - whole reads and writes, checked opening, and the kernel's cache_io. */
#include "io.h"

#include "format.h"
#include "queue.h"

#include "../arch/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- errors ---- */

static void name_place(const struct place *place, char *object, size_t size) {
  size_t used = hwckpt_format(object, size, "%s", place->cache->path);
  if (place->application)
    used +=
        hwckpt_format(object + used, size - used, "/%s", place->application);
  if (place->file)
    hwckpt_format(object + used, size - used, "/%s", place->file);
}

int place_fail(const struct place *place, struct hwckpt_error *error,
               enum hwckpt_code code, int sys_errno, const char *detail, ...) {
  if (!error)
    return -(int)code;
  hwckpt_fail(error, code, sys_errno, NULL, NULL);
  name_place(place, error->object, sizeof(error->object));
  va_list args;
  va_start(args, detail);
  hwckpt_vformat(error->detail, sizeof(error->detail), detail, args);
  va_end(args);
  return -(int)code;
}

int place_fail_io(const struct place *place, struct hwckpt_error *error,
                  long result, const char *doing) {
  bool full = result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
  return place_fail(place, error,
                    full ? HWCKPT_E_CACHE_FULL : HWCKPT_E_CACHE_IO,
                    result < 0 ? (int)-result : EIO, "%s", doing);
}

int place_damaged(const struct place *place, struct hwckpt_error *error,
                  uint64_t offset, const char *what) {
  return place_fail(place, error, HWCKPT_E_CACHE_DAMAGED, 0, "at byte %llu: %s",
                    (unsigned long long)offset, what);
}

int place_truncated(const struct place *place, struct hwckpt_error *error,
                    uint64_t offset, const char *what) {
  return place_fail(place, error, HWCKPT_E_CACHE_TRUNCATED, 0,
                    "at byte %llu: %s", (unsigned long long)offset, what);
}

/* ---- checked opening ---- */

static int check_status(const struct place *place, const struct stat *status,
                        struct hwckpt_error *error) {
  unsigned user = place->cache->env->io->geteuid();
  if (status->st_uid != user)
    return place_fail(place, error, HWCKPT_E_CACHE_OWNER, 0,
                      "owned by user %u, not by user %u", status->st_uid, user);
  if (status->st_mode & (S_IWGRP | S_IWOTH))
    return place_fail(place, error, HWCKPT_E_CACHE_MODE, 0, "mode 0%u%u%u",
                      status->st_mode >> 6 & 7, status->st_mode >> 3 & 7,
                      status->st_mode & 7);
  return 0;
}

int io_check_file(const struct place *place, int fd, uint64_t *size,
                  struct hwckpt_error *error) {
  struct stat status;
  int result = place->cache->env->io->fstat(fd, &status);
  if (result < 0)
    return place_fail_io(place, error, result, "fstat");
  if (!S_ISREG(status.st_mode))
    return place_fail(place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                      "not a regular file");
  if (size)
    *size = (uint64_t)status.st_size;
  return check_status(place, &status, error);
}

int io_check_directory(const struct place *place, int fd,
                       struct hwckpt_error *error) {
  struct stat status;
  int result = place->cache->env->io->fstat(fd, &status);
  if (result < 0)
    return place_fail_io(place, error, result, "fstat");
  return check_status(place, &status, error);
}

int io_open_file(const struct place *place, int directory, int *fd,
                 uint64_t *size, struct hwckpt_error *error) {
  const struct cache_io *io = place->cache->env->io;
  /* O_NONBLOCK: a fifo in place of the file must not hang us. */
  *fd =
      io->openat(directory, place->file,
                 O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  if (*fd < 0) {
    int result = *fd;
    *fd = -1;
    if (result == -ENOENT)
      return 0;
    return place_fail_io(place, error, result, "open");
  }
  int result = io_check_file(place, *fd, size, error);
  if (result < 0) {
    io->close(*fd);
    *fd = -1;
  }
  return result;
}

/* ---- whole reads and writes ---- */

int io_read(const struct place *place, int fd, void *data, size_t length,
            uint64_t offset, struct hwckpt_error *error) {
  for (size_t done = 0; done < length;) {
    long got = place->cache->env->io->pread(fd, (char *)data + done,
                                            length - done, offset + done);
    if (got == -EINTR)
      continue;
    if (got < 0)
      return place_fail_io(place, error, got, "read");
    if (got == 0)
      return place_truncated(place, error, offset + done, "file ends here");
    done += (size_t)got;
  }
  return 0;
}

int io_write(const struct place *place, int fd, const void *data, size_t length,
             uint64_t offset, struct hwckpt_error *error) {
  for (size_t done = 0; done < length;) {
    long put = place->cache->env->io->pwrite(fd, (const char *)data + done,
                                             length - done, offset + done);
    if (put == -EINTR)
      continue;
    if (put <= 0)
      return place_fail_io(place, error, put, "write");
    done += (size_t)put;
  }
  return 0;
}

int io_replace_file(const struct place *place, int directory, const void *data,
                    size_t length, struct hwckpt_error *error) {
  const struct cache_io *io = place->cache->env->io;
  uint64_t random = 0;
  char name[FORMAT_FILE_MAX + 32];
  struct place temporary = {place->cache, place->application, name};
  /* A random name: two processes may make the same file at once. */
  long got = io->getrandom(&random, sizeof(random));
  if (got != (long)sizeof(random))
    return place_fail_io(place, error, got, "getrandom");
  hwckpt_format(name, sizeof(name), "%s.%llx" FORMAT_TEMPORARY_SUFFIX,
                place->file, (unsigned long long)random);

  int fd =
      io->openat(directory, name,
                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return place_fail_io(&temporary, error, fd, "create");
  int result = io_write(&temporary, fd, data, length, 0, error);
  int call;
  if (result == 0 && (call = io->fdatasync(fd)) < 0)
    result = place_fail_io(&temporary, error, call, "fdatasync");
  io->close(fd);
  if (result == 0 &&
      (call = io->renameat(directory, name, directory, place->file)) < 0)
    result = place_fail_io(place, error, call, "rename");
  if (result < 0) {
    io->unlinkat(directory, name, 0);
    return result;
  }
  if ((call = io->fsync(directory)) < 0)
    return place_fail_io(place, error, call, "fsync of its directory");
  return 0;
}

/* ---- directories ---- */

struct kernel_dirent { /* getdents64(2) */
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

#define NAMES_BUFFER ((size_t)64 << 10)

static bool is_self_or_parent(const char *name) {
  return name[0] == '.' &&
         (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

int io_each_name(const struct place *place, int fd,
                 int (*visit)(const char *name, void *context), void *context,
                 struct hwckpt_error *error) {
  const struct cache_env *env = place->cache->env;
  char *names = env->map(NAMES_BUFFER);
  if (!names)
    return place_fail(place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                      "listing the directory");
  int result = 0;
  while (result == 0) {
    long length = env->io->getdents(fd, names, NAMES_BUFFER);
    if (length < 0)
      result = place_fail_io(place, error, length, "list");
    if (length <= 0)
      break;
    for (long at = 0; at < length && result == 0;) {
      struct kernel_dirent *entry = (void *)(names + at);
      at += entry->length;
      if (!is_self_or_parent(entry->name))
        result = visit(entry->name, context);
    }
  }
  env->unmap(names, NAMES_BUFFER);
  return result;
}

/* ---- the kernel's table ---- */

/* Whether something has less than the mode it was to be made with: the umask is
 * the program's, which may have taken away what the cache's owner needs. */
static bool lacks(int fd, unsigned mode) {
  struct stat status;
  return SYS(fstat, fd, &status) >= 0 && mode & ~status.st_mode;
}

/* Inside a cache no symbolic link is followed, not on the way either, whatever
 * the name says. The way to the cache is the user's own, who may have links in
 * it. */
static int kernel_openat(int dirfd, const char *path, int flags,
                         unsigned mode) {
  struct open_how how = {.flags = (unsigned)flags,
                         .mode = flags & O_CREAT ? mode : 0,
                         .resolve = RESOLVE_NO_SYMLINKS};
  long fd = dirfd == AT_FDCWD ? SYS(openat, dirfd, path, flags, mode)
                              : SYS(openat2, dirfd, path, &how, sizeof(how));
  /* Before Linux 5.6, or where a filter of system calls does not know it: the
   * names are single ones, for which O_NOFOLLOW says the same. */
  if (dirfd != AT_FDCWD && (fd == -ENOSYS || fd == -EPERM))
    fd = SYS(openat, dirfd, path, flags | O_NOFOLLOW, mode);
  if (fd >= 0 && flags & O_CREAT && lacks((int)fd, mode))
    SYS(fchmod, fd, mode);
  return (int)fd;
}
static int kernel_close(int fd) { return (int)SYS(close, fd); }
static long kernel_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  return SYS(pread64, fd, buffer, length, offset);
}
static long kernel_pwrite(int fd, const void *buffer, size_t length,
                          uint64_t offset) {
  return SYS(pwrite64, fd, buffer, length, offset);
}
static int kernel_fallocate(int fd, int mode, uint64_t offset,
                            uint64_t length) {
  return (int)SYS(fallocate, fd, mode, offset, length);
}
static int kernel_ftruncate(int fd, uint64_t length) {
  return (int)SYS(ftruncate, fd, length);
}
static int kernel_fdatasync(int fd) { return (int)SYS(fdatasync, fd); }
static int kernel_fsync(int fd) { return (int)SYS(fsync, fd); }
static int kernel_mkdirat(int dirfd, const char *path, unsigned mode) {
  char link[64];
  int result = (int)SYS(mkdirat, dirfd, path, mode);
  long fd = result < 0 ? result
                       : SYS(openat, dirfd, path,
                             O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0)
    return result;
  hwckpt_format(link, sizeof link, "/proc/thread-self/fd/%d", (int)fd);
  if (lacks((int)fd, mode)) /* what is O_PATH cannot be changed itself */
    SYS(fchmodat, AT_FDCWD, link, mode);
  SYS(close, fd);
  return result;
}
static int kernel_renameat(int from_dirfd, const char *from, int to_dirfd,
                           const char *to) {
  return (int)SYS(renameat2, from_dirfd, from, to_dirfd, to, 0);
}
static int kernel_unlinkat(int dirfd, const char *path, int flags) {
  return (int)SYS(unlinkat, dirfd, path, flags);
}
static int kernel_fstat(int fd, struct stat *status) {
  return (int)SYS(fstat, fd, status);
}
static long kernel_getdents(int fd, void *buffer, size_t length) {
  return SYS(getdents64, fd, buffer, length);
}
static int kernel_flock(int fd, int operation) {
  return (int)SYS(flock, fd, operation);
}
static uint64_t read_clock(int clock) {
  struct timespec now = {0, 0};
  SYS(clock_gettime, clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
static uint64_t kernel_realtime_ns(void) { return read_clock(CLOCK_REALTIME); }
static uint64_t kernel_monotonic_ns(void) {
  return read_clock(CLOCK_MONOTONIC);
}
static uint64_t kernel_thread_ns(void) {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* linux/mman.h of Debian 12 does not know it (Linux 6.5). */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
static long kernel_cached(int fd, uint64_t offset, uint64_t length) {
  uint64_t range[2] = {offset, length};
  uint64_t counts[5] = {0}; /* in memory, dirty, being written, ... */
  long result = SYS(cachestat, fd, range, counts, 0);
  return result < 0 ? result : (long)counts[0];
}

static long kernel_getrandom(void *buffer, size_t length) {
  return SYS(getrandom, buffer, length, 0);
}
static unsigned kernel_geteuid(void) { return (unsigned)SYS(geteuid); }

const struct cache_io cache_io_kernel = {
    .openat = kernel_openat,
    .close = kernel_close,
    .pread = kernel_pread,
    .pwrite = kernel_pwrite,
    .fallocate = kernel_fallocate,
    .ftruncate = kernel_ftruncate,
    .fdatasync = kernel_fdatasync,
    .fsync = kernel_fsync,
    .mkdirat = kernel_mkdirat,
    .renameat = kernel_renameat,
    .unlinkat = kernel_unlinkat,
    .fstat = kernel_fstat,
    .getdents = kernel_getdents,
    .flock = kernel_flock,
    .realtime_ns = kernel_realtime_ns,
    .getrandom = kernel_getrandom,
    .geteuid = kernel_geteuid,
    .monotonic_ns = kernel_monotonic_ns,
    .thread_ns = kernel_thread_ns,
    .cached = kernel_cached,
    .queue_open = queue_open,
    .queue_write = queue_write,
    .queue_wait = queue_wait,
    .queue_close = queue_close,
};
