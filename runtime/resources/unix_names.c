/* unix_names.c - see unix_names.h. */
#include "unix_names.h"

#include "../arch/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define PATH offsetof(struct sockaddr_un, sun_path)
/* Another process of the tree has the name for the moment. */
#define MOMENT_NS 1000000
#define MOMENTS 2000u

static struct unix_name trimmed(struct unix_name name, long result) {
  if (result < 0 || name.length <= PATH || name.length > sizeof name.name)
    name.length = 0;
  return name;
}

struct unix_name unix_name_of(int socket) {
  struct unix_name name = {.length = sizeof name.name};
  return trimmed(name, SYS(getsockname, socket, &name.name, &name.length));
}

struct unix_name unix_peer_name_of(int socket) {
  struct unix_name name = {.length = sizeof name.name};
  return trimmed(name, SYS(getpeername, socket, &name.name, &name.length));
}

static bool is_abstract(const struct unix_name *name) {
  return name->length && !name->name.sun_path[0];
}

long unix_names_bind_patiently(int socket, const struct unix_name *name) {
  const struct timespec moment = {.tv_nsec = MOMENT_NS};
  long result = -EADDRINUSE;
  for (unsigned i = 0; i < MOMENTS && result == -EADDRINUSE; i++) {
    if (i)
      SYS(nanosleep, &moment, 0);
    result = SYS(bind, socket, &name->name, (int)name->length);
  }
  return result;
}

/* ---- abstract names ---- */

/* The accepted one, or a negative errno. */
static long connect_through(int type, const struct unix_name *name,
                            int connecting) {
  long listening = SYS(socket, AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (listening < 0)
    return listening;
  long result = unix_names_bind_patiently((int)listening, name);
  if (result >= 0)
    result = SYS(listen, listening, 1);
  if (result >= 0)
    result = SYS(connect, connecting, &name->name, (int)name->length);
  if (result >= 0)
    result = SYS(accept4, listening, 0, 0, SOCK_CLOEXEC);
  SYS(close, listening);
  return result;
}

static long connect_by_name(int type, const struct unix_name *own,
                            const struct unix_name *accepted, int *connecting) {
  long made = SYS(socket, AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (made < 0)
    return made;
  long result =
      is_abstract(own) ? unix_names_bind_patiently((int)made, own) : 0;
  if (result >= 0)
    result = connect_through(type, accepted, (int)made);
  if (result < 0)
    SYS(close, made);
  *connecting = (int)made;
  return result;
}

long unix_names_connect(int type, const struct unix_name *first,
                        const struct unix_name *second, bool second_accepted,
                        int ends[2], long *unnamed) {
  const struct unix_name *own = second_accepted ? first : second;
  const struct unix_name *accepted = second_accepted ? second : first;
  int connecting = -1;
  long result = 0;
  *unnamed = 0;
  if (is_abstract(accepted)) {
    result = connect_by_name(type, own, accepted, &connecting);
    if (result >= 0) {
      ends[second_accepted] = (int)result;
      ends[!second_accepted] = connecting;
      return 0;
    }
    *unnamed = result;
  }
  result = SYS(socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, ends);
  if (result >= 0 && is_abstract(own) && !*unnamed) {
    long bound = unix_names_bind_patiently(ends[!second_accepted], own);
    *unnamed = bound < 0 ? bound : 0;
  }
  return result;
}

/* ---- names of files ---- */

static bool is_of_file(const struct unix_name *name) {
  return name->length && !is_abstract(name);
}

long unix_names_lock(const struct unix_name *name) {
  char path[sizeof name->name.sun_path + 1] = "", folder[sizeof path];
  if (!is_of_file(name))
    return -ENOENT;
  memcpy(path, name->name.sun_path, name->length - PATH);
  size_t length = strlen(path);
  while (length && path[length - 1] != '/')
    length--;
  memcpy(folder, path, length);
  folder[length] = 0;
  long fd = SYS(openat, AT_FDCWD, length ? folder : ".",
                O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd >= 0)
    SYS(flock, fd, LOCK_EX);
  return fd;
}

long unix_names_bind_locked(int socket, const struct unix_name *name,
                            long *file) {
  char path[sizeof name->name.sun_path + 1] = "", aside[sizeof path + 32];
  struct stat status;
  memcpy(path, name->name.sun_path, name->length - PATH);
  hwckpt_format(aside, sizeof aside, "%s.hwckpt-%d", path, (int)SYS(getpid));
  long there = SYS(newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW);
  long result = there < 0 || S_ISSOCK(status.st_mode) ? 0 : -EEXIST;
  if (result >= 0 && there >= 0)
    result = SYS(renameat, AT_FDCWD, path, AT_FDCWD, aside);
  if (result >= 0) {
    result = SYS(bind, socket, &name->name, (int)name->length);
    if (result >= 0 && file)
      *file = SYS(openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
    if (result >= 0)
      SYS(unlinkat, AT_FDCWD, path, 0);
    if (there >= 0)
      SYS(renameat, AT_FDCWD, aside, AT_FDCWD, path);
  }
  return result;
}

long unix_names_bind_open(int socket, const struct unix_name *name) {
  long file = -ENOENT, lock = unix_names_lock(name);
  if (lock < 0)
    return lock;
  long result = unix_names_bind_locked(socket, name, &file);
  SYS(close, lock);
  return result < 0 ? result : file;
}

long unix_names_bind(int socket, const struct unix_name *name) {
  if (!is_of_file(name) || unix_name_of(socket).length)
    return 0;
  long lock = unix_names_lock(name);
  if (lock < 0)
    return lock;
  long result = unix_names_bind_locked(socket, name, 0);
  SYS(close, lock);
  return result;
}
