/* own_mode.c - see own_mode.h. Only rights of the owner are added, and he could
 * do so himself: nobody else may do more meanwhile.
 *
 * Processes of a tree may do this with one file at the same time. Invariant:
 * what is put back is a mode that was found without all of the rights, so that
 * it is none that another one has set for the moment. */
#include "own_mode.h"

#include "arch/sys.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>

#define RIGHTS 0600u
#define BITS 07777u
/* Another process may put the mode back just before the file is opened. */
#define TRIES 1000

static long open_at(const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags, .resolve = resolve};
  return resolve ? SYS(openat2, AT_FDCWD, path, &how, sizeof how)
                 : SYS(openat, AT_FDCWD, path, flags, 0);
}

/* Who is not of the file's group would take S_ISGID away for good. */
bool own_mode_may_open(const struct stat *now) {
  return now->st_uid == (uid_t)SYS(geteuid) && !(now->st_mode & S_ISGID) &&
         (S_ISREG(now->st_mode) || S_ISDIR(now->st_mode));
}

static long try_with(const char *path, uint64_t flags, uint64_t resolve,
                     const char *file, uint32_t mode) {
  if ((mode & RIGHTS) == RIGHTS) /* by another one */
    return open_at(path, flags, resolve);
  long fd = SYS(fchmodat, AT_FDCWD, file, (mode & BITS) | RIGHTS);
  if (fd < 0)
    return fd;
  fd = open_at(path, flags, resolve);
  SYS(fchmodat, AT_FDCWD, file, mode & BITS);
  return fd;
}

long own_mode_open(const char *path, uint64_t flags, uint64_t resolve) {
  char name[48];
  struct stat now;
  long file = open_at(path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW), resolve);
  if (file < 0)
    return file;
  hwckpt_format(name, sizeof name, "/proc/thread-self/fd/%d", (int)file);
  long fd = -EACCES;
  for (int i = 0; fd == -EACCES && i < TRIES && SYS(fstat, file, &now) == 0 &&
                  own_mode_may_open(&now);
       i++)
    fd = try_with(path, flags, resolve, name, now.st_mode);
  SYS(close, file);
  return fd;
}
