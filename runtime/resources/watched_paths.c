/* watched_paths.c - see watched_paths.h.
 *
 * What is noted is memory of the program, and comes back with it. A note is
 * never changed once it can be found, so that a stop may come at any moment.
 * Where there is no room for more, paths are not known. */
#include "watched_paths.h"

#include "../arch/sys.h"
#include "../error.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PLACES                                                                 \
  65536u /* power of two; of which as many are used as are needed */
#define TEXT ((size_t)8 << 20)

struct note {
  uint64_t device, inode;
  char path[];
};

static struct notes {
  _Atomic uint32_t places[PLACES]; /* byte of text, and 1; 0: free */
  _Atomic size_t used;             /* bytes of text */
  _Alignas(16) char text[TEXT];
} *_Atomic notes;

static struct notes *get_notes(void) {
  struct notes *there = atomic_load(&notes), *none = 0;
  if (there)
    return there;
  long made = SYS(mmap, 0, sizeof(struct notes), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (made < 0)
    return 0;
  if (atomic_compare_exchange_strong(&notes, &none, (struct notes *)made))
    return (struct notes *)made;
  SYS(munmap, made, sizeof(struct notes));
  return none;
}

static const struct note *note_at(const struct notes *all, uint32_t place) {
  return (const struct note *)(const void *)(all->text + place - 1);
}

static uint32_t first_place(uint64_t device, uint64_t inode) {
  return (uint32_t)((inode ^ device << 7) * 0x9e3779b97f4a7c15u >> 40);
}

/* The last that was noted of the file counts: it may have been renamed. */
const char *watched_path(uint64_t device, uint64_t inode) {
  const struct notes *all = atomic_load(&notes);
  const char *path = 0;
  uint32_t place;
  for (uint32_t i = 0; all && i < PLACES; i++) {
    place = atomic_load(
        &all->places[(first_place(device, inode) + i) & (PLACES - 1)]);
    if (!place)
      break;
    const struct note *note = note_at(all, place);
    if (note->device == device && note->inode == inode)
      path = note->path;
  }
  return path;
}

static void add(struct notes *all, const struct stat *file, const char *path) {
  size_t size = (sizeof(struct note) + strlen(path) + 1 + 15) & ~(size_t)15;
  size_t at = atomic_load(&all->used);
  do
    if (at + size > TEXT)
      return;
  while (!atomic_compare_exchange_weak(&all->used, &at, at + size));
  struct note *note = (struct note *)(void *)(all->text + at);
  note->device = file->st_dev;
  note->inode = file->st_ino;
  memcpy(note->path, path, strlen(path) + 1);
  for (uint32_t i = 0; i < PLACES / 2; i++) {
    uint32_t none = 0;
    uint32_t place =
        (first_place(file->st_dev, file->st_ino) + i) & (PLACES - 1);
    if (atomic_compare_exchange_strong(&all->places[place], &none,
                                       (uint32_t)at + 1))
      return;
  }
}

void __hwckpt_path_watched(const char *path, uint32_t mask) {
  char link[48], name[4096];
  struct stat file;
  int flags = O_PATH | O_CLOEXEC | (mask & IN_DONT_FOLLOW ? O_NOFOLLOW : 0);
  long fd = SYS(openat, AT_FDCWD, path, flags, 0);
  if (fd < 0)
    return;
  hwckpt_format(link, sizeof(link), "/proc/thread-self/fd/%d", (int)fd);
  long length = SYS(readlink, link, name, sizeof(name) - 1);
  long known = SYS(fstat, fd, &file);
  SYS(close, fd);
  if (length <= 0 || known < 0 || name[0] != '/')
    return;
  name[length] = 0;
  const char *noted = watched_path(file.st_dev, file.st_ino);
  size_t bytes = strlen(name) + 1;
  if (noted && strlen(noted) + 1 == bytes && memcmp(noted, name, bytes) == 0)
    return;
  struct notes *all = get_notes();
  if (all)
    add(all, &file, name);
}
