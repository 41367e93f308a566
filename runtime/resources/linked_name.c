/* linked_name.c - see linked_name.h. */
#include "linked_name.h"

#include "../arch/sys.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char suffix[] = " (deleted)";

/* struct linux_dirent64 */
struct entry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

static bool is_it(int folder, const char *name, const Descriptor *message) {
  struct stat there;
  return SYS(newfstatat, folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         there.st_ino == message->inode && there.st_dev == message->device;
}

/* Puts it behind the directory's name, which ends at `folder_end`. */
static bool find(int folder, Descriptor *message, char *folder_end) {
  _Alignas(struct entry) char entries[2048];
  size_t room = (size_t)(message->path + sizeof(message->path) - folder_end);
  long got;
  while ((got = SYS(getdents64, folder, entries, sizeof(entries))) > 0)
    for (long at = 0; at < got;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      at += entry->length;
      if (entry->inode == message->inode && strlen(entry->name) < room &&
          is_it(folder, entry->name, message)) {
        memcpy(folder_end, entry->name, strlen(entry->name) + 1);
        return true;
      }
    }
  return false;
}

void linked_name(Descriptor *message) {
  size_t length = strlen(message->path), tail = sizeof(suffix) - 1;
  char *name = message->path + length;
  if (message->path[0] != '/' || length < tail ||
      memcmp(name - tail, suffix, tail) != 0 ||
      is_it(AT_FDCWD, message->path, message))
    return;
  while (name[-1] != '/')
    name--;
  char first = *name;
  *name = 0;
  long folder = SYS(openat, AT_FDCWD, message->path,
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  *name = first;
  if (folder < 0)
    return;
  find((int)folder, message, name);
  SYS(close, folder);
}
