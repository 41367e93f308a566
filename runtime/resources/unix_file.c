/* unix_file.c - see unix_file.h. */
#include "unix_file.h"

#include "../arch/sys.h"
#include "../support/directory_entry.h"
#include "info.h"
#include "unix_relation.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATH offsetof(struct sockaddr_un, sun_path)
#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE 0x89e0 /* linux/un.h, which libc's excludes */
#endif
#define NAME_MOST (sizeof(struct sockaddr_un) - PATH)
#define ENTRIES_MOST 65536u /* of a directory, in the stop */

/* The kernel ends a name that fills its place with nothing. */
static size_t length_of(const char *name) {
  size_t length = 0;
  while (length < NAME_MOST && name[length])
    length++;
  return length;
}

/* Of the name, up to its last slash. */
static size_t length_of_folder(const char *name) {
  size_t length = length_of(name);
  while (length && name[length - 1] != '/')
    length--;
  return length;
}

/* A name is from the working directory of the program, which is not that of the
 * checkpoint thread. */
static void path_from(const char *name, size_t length, char path[],
                      size_t size) {
  char folder[64];
  info_path(folder, "cwd");
  hwckpt_format(path, size, "%s/%.*s", *name == '/' ? "" : folder, (int)length,
                name);
}

static long status_of(const char *name, struct stat *status) {
  char path[64 + sizeof(struct sockaddr_un)];
  path_from(name, length_of(name), path, sizeof(path));
  return SYS(newfstatat, AT_FDCWD, path, status, 0);
}

/* A relative name, from whose directory the process has gone since: where its
 * file is. */
static void find_folder(int file, const char *name, UnixSocket *is) {
  char *path = (char *)is->folder.bytes, link[64];
  hwckpt_format(link, sizeof(link), "/proc/thread-self/fd/%d", file);
  long length = SYS(readlinkat, AT_FDCWD, link, path, sizeof(is->folder.bytes));
  const long end = (long)length_of(name);
  if (length > end + 1 && !memcmp(path + length - end, name, (size_t)end) &&
      path[length - end - 1] == '/')
    is->folder.size = (pb_size_t)(length - end);
}

/* ---- a file that was renamed ---- */

/* The directory that a relative name was bound in, where the new path tells. */
static void find_folder_of_renamed(const char *name, UnixSocket *is) {
  const char *path = (const char *)is->present.bytes;
  size_t length = is->present.size, own = length_of_folder(name);
  while (length && path[length - 1] != '/')
    length--;
  if (length <= own || memcmp(path + length - own, name, own) != 0 ||
      path[length - own - 1] != '/')
    return;
  is->folder.size = (pb_size_t)(length - own);
  memcpy(is->folder.bytes, path, length - own);
}

/* As the kernel tells those with CAP_NET_ADMIN. */
static bool find_renamed(int file, const struct stat *own, const char *name,
                         UnixSocket *is) {
  char *path = (char *)is->present.bytes, link[64];
  struct stat there;
  hwckpt_format(link, sizeof(link), "/proc/thread-self/fd/%d", file);
  long length =
      SYS(readlinkat, AT_FDCWD, link, path, sizeof(is->present.bytes) - 1);
  if (length <= 0 || length >= (long)sizeof(is->present.bytes) - 1)
    return false;
  path[length] = 0;
  if (SYS(newfstatat, AT_FDCWD, path, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
      there.st_dev != own->st_dev || there.st_ino != own->st_ino)
    return false;
  is->present.size = (pb_size_t)length;
  if (*name != '/')
    find_folder_of_renamed(name, is);
  return true;
}

static bool is_file(int folder, const struct directory_entry *entry,
                    const struct unix_file *file, struct stat *status) {
  return (uint32_t)entry->inode == file->inode &&
         SYS(newfstatat, folder, entry->name, status, AT_SYMLINK_NOFOLLOW) ==
             0 &&
         S_ISSOCK(status->st_mode) && status->st_dev == file->device &&
         (uint32_t)status->st_ino == file->inode;
}

static bool note_renamed(const char *name, const char *entry, UnixSocket *is) {
  size_t own = length_of_folder(name), length = strlen(entry);
  if (own + length > sizeof(is->present.bytes))
    return false;
  memcpy(is->present.bytes, name, own);
  memcpy(is->present.bytes + own, entry, length);
  is->present.size = (pb_size_t)(own + length);
  return true;
}

/* By others it is looked for in the directory of its name. */
static bool search_renamed(const char *name, const struct unix_file *file,
                           struct stat *status, UnixSocket *is) {
  _Alignas(struct directory_entry) char entries[4096];
  char path[64 + sizeof(struct sockaddr_un)];
  long got, folder;
  unsigned count = 0;
  bool found = false;
  if (!file->inode)
    return false;
  path_from(name, length_of_folder(name), path, sizeof(path));
  folder = SYS(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder < 0)
    return false;
  while (!found && count < ENTRIES_MOST &&
         (got = SYS(getdents64, folder, entries, sizeof(entries))) > 0)
    for (long at = 0; at < got && !found; count++) {
      const struct directory_entry *entry = (const void *)(entries + at);
      /* The kernel filled the buffer; the analyzer does not know the call. */
      at += entry->length; // NOLINT(clang-analyzer-core.uninitialized.Assign)
      found = is_file((int)folder, entry, file, status) &&
              note_renamed(name, entry->name, is);
    }
  SYS(close, folder);
  return found;
}

/* ---- */

static void note_owner(const struct stat *status, UnixSocket *is) {
  is->owned = true;
  is->user = status->st_uid;
  is->group = status->st_gid;
}

/* Whether its directory is gone too: of a relative name, from where the process
 * is now. It has to be made again for the moment. */
static bool is_folder_gone(const char *name) {
  char path[64 + sizeof(struct sockaddr_un)];
  struct stat status;
  path_from(name, length_of_folder(name), path, sizeof(path));
  return SYS(newfstatat, AT_FDCWD, path, &status, 0) == -ENOENT;
}

#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif

/* Of a directory that is gone: whether it can be, which is in the first one
 * above it that is there. */
static bool can_make_folder(const char *name) {
  char path[64 + sizeof(struct sockaddr_un)];
  struct stat status;
  size_t length = length_of_folder(name);
  long result = -ENOENT;
  while (length && result == -ENOENT) {
    for (length--; length && name[length - 1] != '/';)
      length--;
    path_from(name, length, path, sizeof(path));
    result = SYS(newfstatat, AT_FDCWD, path, &status, 0);
  }
  return result == 0 && status.st_nlink &&
         SYS(faccessat2, AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0;
}

bool unix_file_has_room(const char *name) {
  return !is_folder_gone(name) || can_make_folder(name);
}

/* Another's is at its name. Where the numbers of the device are not the same
 * those of files may not be, either: that tells nothing. */
static bool is_of_another(const struct unix_file *file,
                          const struct stat *there) {
  return file->inode && file->device == there->st_dev &&
         file->inode != (uint32_t)there->st_ino;
}

/* By who is not told the file itself. */
static void guess_file(uint64_t inode, const char *name, UnixSocket *is) {
  struct stat there;
  struct unix_file file = unix_file_of(inode);
  long result = status_of(name, &there);
  if (result == 0 && is_of_another(&file, &there)) {
    is->unlinked = true;
    return;
  }
  if (result == -ENOENT && search_renamed(name, &file, &there, is))
    result = 0;
  is->unlinked = result == -ENOENT && (*name == '/' || is_folder_gone(name));
  is->mode = result == 0 ? there.st_mode & 07777 : 0;
  if (result == 0)
    note_owner(&there, is);
}

/* The kernel shows its file to those with CAP_NET_ADMIN. */
void unix_file_look(int socket, uint64_t inode, const char *name,
                    UnixSocket *is) {
  struct stat own, there;
  long file = SYS(ioctl, socket, SIOCUNIXFILE, 0);
  if (file < 0 || SYS(fstat, file, &own) < 0) {
    if (file >= 0)
      SYS(close, file);
    guess_file(inode, name, is);
    return;
  }
  long result = status_of(name, &there);
  bool is_there =
      result == 0 && own.st_dev == there.st_dev && own.st_ino == there.st_ino;
  is->mode = own.st_mode & 07777;
  if (!is_there && own.st_nlink && *name != '/')
    find_folder((int)file, name, is);
  if (result == -ENOENT && own.st_nlink && !is->folder.size &&
      !find_renamed((int)file, &own, name, is)) {
    struct unix_file known = {own.st_dev, (uint32_t)own.st_ino};
    search_renamed(name, &known, &there, is);
  }
  is->unlinked = !is_there && !is->folder.size && !is->present.size;
  if (!is->unlinked)
    note_owner(&own, is);
  SYS(close, file);
}
