/* own.c - what is opened of a tier is its user's alone.
 *
 * Invariant: looked at is what was opened, not a name that may mean something
 * else by then. */
#include "own.h"

#include "runtime/cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int own_open(int directory, const char *name, int flags) {
  if (directory < 0) {
    errno = EBADF;
    return -1;
  }
  int fd = cache_io_kernel.openat(
      directory, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
      S_IRUSR | S_IWUSR);
  errno = fd < 0 ? -fd : errno;
  return fd < 0 ? -1 : fd;
}

int own_check(int fd, mode_t kind, const char *name,
              struct hwckpt_error *error) {
  struct stat status;
  if (fstat(fd, &status))
    return hwckpt_fail(error, HWCKPT_E_TIER_IO, errno, name, "fstat");
  if ((status.st_mode & S_IFMT) != kind)
    return hwckpt_fail(error, HWCKPT_E_TIER_OTHERS, 0, name, "it is no %s",
                       kind == S_IFDIR ? "directory" : "file");
  if (status.st_uid != geteuid() || status.st_mode & (S_IWGRP | S_IWOTH))
    return hwckpt_fail(error, HWCKPT_E_TIER_OTHERS, 0, name,
                       "owner %u, mode 0%u%u%u", status.st_uid,
                       status.st_mode >> 6 & 7, status.st_mode >> 3 & 7,
                       status.st_mode & 7);
  return 0;
}
