/* undo_names.c - see undo_keeping.h. What names lead to, put into the log
 * before it is changed.
 *
 * Invariant: of each name one state is in an interval's log, that of before the
 * first change, and one after each rename of a folder, or after one is made
 * where a file was.
 */
#include "../arch/sys.h"
#include "directory_entry.h"
#include "undo_keeping.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

struct name {
  int parent; /* a descriptor of the directory it is in */
  char path[UNDO_PATH_MAX];
  const char *last; /* its last part */
  struct undo_facts facts;
  bool exists;
};

/* A string of the program's, which need not be there. */
static bool read_string(const char *from, char *to, size_t room) {
  size_t length = 0;
  while (length < room) {
    size_t most = 4096 - ((uint64_t)(from + length) & 4095);
    most = most < room - length ? most : room - length;
    struct iovec own = {to + length, most};
    struct iovec its = {(void *)(from + length), most};
    if (SYS(process_vm_readv, SYS(gettid), &own, 1, &its, 1, 0) != (long)most)
      return false;
    for (size_t i = 0; i < most; i++)
      if (!to[length + i])
        return true;
    length += most;
  }
  return false;
}

/* Whether who makes the call has another root than this thread; it is in that
 * path. */
static bool is_below_another_root(const struct undo_request *request,
                                  char path[UNDO_PATH_MAX]) {
  char link[64];
  struct stat its, own;
  undo_caller_path(request, "root", link, sizeof link);
  if (SYS(newfstatat, AT_FDCWD, link, &its, 0) < 0 ||
      SYS(newfstatat, AT_FDCWD, "/", &own, 0) < 0 ||
      (its.st_dev == own.st_dev && its.st_ino == own.st_ino))
    return false;
  long length = SYS(readlinkat, AT_FDCWD, link, path, UNDO_PATH_MAX - 1);
  path[length > 0 ? length : 0] = 0;
  return length > 0;
}

/* What a path without a slash first begins at. */
static size_t begin_path(const struct undo_request *request, int directory,
                         char *path, size_t size) {
  char name[24] = "cwd";
  if (directory != AT_FDCWD)
    hwckpt_format(name, sizeof name, "fd/%d", directory);
  undo_caller_path(request, name, path, size);
  return strlen(path);
}

/* Opens the directory `text` in the place of a process with that root, which
 * is in it: names and links with a slash first begin there. */
static int open_in_root(const struct undo_request *request, const char *root,
                        int directory, const char *text) {
  const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                               .resolve = RESOLVE_IN_ROOT};
  char link[64], from[2 * UNDO_PATH_MAX] = "";
  size_t length = strlen(root), at = 0;
  if (text[0] != '/') {
    begin_path(request, directory, link, sizeof link);
    long read = SYS(readlinkat, AT_FDCWD, link, from, UNDO_PATH_MAX - 1);
    at = read > 0 ? (size_t)read : 0;
    if (at < length || memcmp(from, root, length) != 0 ||
        (from[length] && from[length] != '/'))
      return -EXDEV;
    memmove(from, from + length, at - length + 1);
    at -= length;
  }
  hwckpt_format(from + at, sizeof from - at, "/%s", text);
  long top = SYS(openat, AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (top < 0)
    return (int)top;
  long fd = SYS(openat2, top, from, &how, sizeof how);
  SYS(close, top);
  return (int)fd;
}

/* Splits text at its last part, which is no "." or ".."; the part before is a
 * directory, from `directory` on. */
static int open_parent(char *text, const struct undo_request *request,
                       int directory, const char **last) {
  char parent[UNDO_PATH_MAX + 64], root[UNDO_PATH_MAX];
  size_t length = strlen(text), at = 0;
  while (length > 1 && text[length - 1] == '/')
    text[--length] = 0;
  char *slash = text + length;
  while (slash > text && slash[-1] != '/')
    slash--;
  *last = slash;
  if (!**last || memcmp(*last, ".", 2) == 0 || memcmp(*last, "..", 3) == 0)
    return -EINVAL;
  int before = (int)(slash - text);
  if (is_below_another_root(request, root)) {
    hwckpt_format(parent, sizeof parent, "%.*s", before, text);
    return open_in_root(request, root, directory, parent);
  }
  if (text[0] != '/') {
    at = begin_path(request, directory, parent, sizeof parent - 1);
    parent[at++] = '/';
  }
  hwckpt_format(parent + at, sizeof parent - at, "%.*s", before, text);
  return (int)SYS(openat, AT_FDCWD, parent, O_PATH | O_DIRECTORY | O_CLOEXEC,
                  0);
}

/* False: the call will fail as well, or is about nothing that is kept. */
static bool find_text(struct name *name, const struct undo_request *request,
                      int directory, char *text) {
  const char *last;
  name->parent = -1;
  int parent = open_parent(text, request, directory, &last);
  if (parent < 0)
    return false;
  size_t length = undo_path_of(parent, name->path) ? strlen(name->path) : 0;
  if (length == 0 || length + strlen(last) + 2 > sizeof name->path ||
      undo_is_of_kernel(name->path)) {
    SYS(close, parent);
    return false;
  }
  if (length > 1)
    name->path[length++] = '/';
  memcpy(name->path + length, last, strlen(last) + 1);
  name->last = name->path + length;
  name->parent = parent;
  name->exists = undo_look(parent, name->last, &name->facts);
  return true;
}

static bool find_name(struct name *name, const struct undo_request *request,
                      unsigned which) {
  char text[UNDO_PATH_MAX];
  name->parent = -1;
  return read_string(request->place[which].path, text, sizeof text) &&
         find_text(name, request, request->place[which].directory, text);
}

/* The path of a file as the program says it. */
static char *below_root(const struct undo_request *request, char *path) {
  char root[UNDO_PATH_MAX];
  size_t length;
  return is_below_another_root(request, root) &&
                 memcmp(path, root, length = strlen(root)) == 0 &&
                 path[length] == '/'
             ? path + length
             : path;
}

static void end_name(struct name *name) {
  if (name->parent >= 0)
    SYS(close, name->parent);
}

#define LINKS_MOST 40 /* the kernel's own limit */

/* What is opened or cut by a symbolic link is what that leads to. */
static bool find_followed(struct name *name, const struct undo_request *request,
                          unsigned which) {
  char text[UNDO_PATH_MAX];
  bool found = find_name(name, request, which);
  for (int links = 0; found && name->exists && S_ISLNK(name->facts.mode);
       links++) {
    size_t before = (size_t)(name->last - name->path);
    memcpy(text, name->path, before);
    long length = SYS(readlinkat, name->parent, name->last, text + before,
                      sizeof text - before);
    end_name(name);
    if (links == LINKS_MOST || length <= 0 ||
        before + (size_t)length >= sizeof text)
      return false;
    text[before + (size_t)length] = 0;
    found = find_text(name, request, AT_FDCWD,
                      text[before] == '/' ? text + before
                                          : below_root(request, text));
  }
  return found;
}

#define NO_FOLDER ((uint64_t)1) /* in struct undo_interval.names */

static uint64_t hash_of(const char *path) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (; *path; path++)
    hash = (hash ^ (unsigned char)*path) * 1099511628211u;
  hash &= ~NO_FOLDER;
  return hash ? hash : NO_FOLDER + 1;
}

/* Where it is, or belongs. */
static uint64_t *place_of(uint64_t hash) {
  for (uint64_t i = hash >> 1;; i++) {
    uint64_t *place = &undo_keeper.interval->names[i % UNDO_NAMES];
    if (!*place || ((*place ^ hash) & ~NO_FOLDER) == 0)
      return place;
  }
}

/* Whether it is in the log already; else it is from now on. */
static bool is_named(uint64_t hash, bool *room) {
  struct undo_interval *interval = undo_keeper.interval;
  uint64_t *place = place_of(hash);
  *room = interval->name_count < UNDO_NAMES / 4 * 3;
  if (*place)
    return true;
  if (*room) {
    *place = hash;
    interval->name_count++;
  }
  return false;
}

/* Names are noted anew from here on: a folder gets another. */
static void begin_stretch(void) {
  struct undo_interval *interval = undo_keeper.interval;
  struct undo_record record = {.kind = UNDO_FOLDERS};
  if (!interval->name_count)
    return;
  memset(interval->names, 0, sizeof interval->names);
  interval->name_count = 0;
  undo_put(&record);
}

/* Says what the name leads to. */
static void note_name(const struct name *name) {
  bool room;
  char target[UNDO_PATH_MAX];
  struct undo_record record = {.kind = UNDO_NAME, .path = name->path};
  uint64_t file = name->exists && !S_ISDIR(name->facts.mode) ? NO_FOLDER : 0;
  if (is_named(hash_of(name->path) | file, &room))
    return;
  if (!room) {
    undo_lose();
    return;
  }
  if (name->exists)
    undo_describe(&record, &name->facts);
  if (name->exists && S_ISLNK(name->facts.mode)) {
    long length =
        SYS(readlinkat, name->parent, name->last, target, sizeof target);
    record.data = target;
    record.length = length > 0 ? (size_t)length : 0;
  }
  undo_put(&record);
}

static void keep_file_of(const struct name *name, uint64_t begin, bool whole) {
  if (!name->exists || !S_ISREG(name->facts.mode))
    return;
  long fd = undo_open_to_keep(name->parent, name->last, O_NOFOLLOW);
  if (fd < 0) {
    undo_lose();
    return;
  }
  undo_keep_of((int)fd, begin, UINT64_MAX, whole);
  SYS(close, fd);
}

static bool is_same(const struct name *a, const struct name *b) {
  return a->exists && b->exists && a->facts.inode == b->facts.inode &&
         a->facts.device == b->facts.device;
}

/* Whether the entry is another name of the same file; that is noted. */
static bool note_if_other(const struct name *name,
                          const struct directory_entry *entry) {
  struct name other;
  size_t before = (size_t)(name->last - name->path);
  size_t length = strlen(entry->name) + 1;
  if (entry->inode != name->facts.inode ||
      memcmp(entry->name, name->last, length) == 0 ||
      before + length > sizeof other.path)
    return false;
  other.exists = undo_look(name->parent, entry->name, &other.facts);
  if (!is_same(name, &other))
    return false;
  memcpy(other.path, name->path, before);
  memcpy(other.path + before, entry->name, length);
  other.last = other.path + before;
  other.parent = name->parent;
  note_name(&other);
  return true;
}

/* A name goes of a file that has several: another one leads to it, as taking
 * back may find nothing but what is in the log. One that was made since is
 * there already. Whole large directories are not read for each file in them. */
#define ENTRIES_MOST 10000

static bool note_other(const struct name *name) {
  _Alignas(struct directory_entry) char entries[2048];
  unsigned count = 0;
  bool found = false;
  long got, folder = SYS(openat, name->parent, ".",
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder < 0)
    return false;
  while (!found && count < ENTRIES_MOST &&
         (got = SYS(getdents64, folder, entries, sizeof entries)) > 0)
    for (long at = 0; at < got && !found; count++) {
      const struct directory_entry *entry =
          (const struct directory_entry *)(entries + at);
      at += entry->length;
      found = note_if_other(name, entry);
    }
  SYS(close, folder);
  return found;
}

static void keep_spare_of(const struct name *name) {
  long fd = SYS(openat, name->parent, name->last,
                O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
  if (fd < 0)
    return;
  undo_keep_spare((int)fd);
  SYS(close, fd);
}

/* A name goes; with the last one of a file that goes as well. */
static void keep_going(const struct name *name) {
  if (!name->exists || S_ISDIR(name->facts.mode))
    return;
  if (name->facts.links == 1)
    keep_file_of(name, 0, true);
  else if (!note_other(name) && S_ISREG(name->facts.mode))
    keep_spare_of(name);
}

void undo_keep_name(const struct undo_request *request) {
  struct name name;
  if (!find_followed(&name, request, 0))
    return;
  if (!name.exists)
    note_name(&name);
  else if (request->cut)
    keep_file_of(&name, 0, false);
  end_name(&name);
}

/* The file that was there may be elsewhere. It goes home when what is in the
 * folder by now is gone, and that with it. */
void undo_keep_folder(const struct undo_request *request) {
  struct name name;
  if (!find_followed(&name, request, 0))
    return;
  if (!name.exists && (*place_of(hash_of(name.path)) & NO_FOLDER))
    begin_stretch();
  if (!name.exists)
    note_name(&name);
  end_name(&name);
}

/* A file that is changed by a name that goes when it is taken back has its
 * place by the one that stays; which none is where an open file gets a name. */
void undo_keep_linked(const struct undo_request *request) {
  struct name from, to;
  if (find_name(&to, request, 1) && !to.exists) {
    note_name(&to);
    if (find_name(&from, request, 0) && from.exists)
      note_name(&from);
    end_name(&from);
  }
  end_name(&to);
}

void undo_keep_cut(const struct undo_request *request) {
  struct name name;
  if (!find_followed(&name, request, 0))
    return;
  keep_file_of(&name, request->begin, false);
  end_name(&name);
}

void undo_keep_removed(const struct undo_request *request) {
  struct name name;
  if (!find_name(&name, request, 0))
    return;
  if (name.exists) {
    note_name(&name);
    keep_going(&name);
  }
  end_name(&name);
}

static bool is_folder(const struct name *name) {
  return name->exists && S_ISDIR(name->facts.mode);
}

void undo_keep_renamed(const struct undo_request *request) {
  struct name from, to;
  bool found = find_name(&from, request, 0);
  to.parent = -1;
  if (found && from.exists && find_name(&to, request, 1) &&
      !is_same(&from, &to)) {
    bool folders = is_folder(&from) || is_folder(&to);
    if (folders)
      begin_stretch();
    note_name(&from);
    note_name(&to);
    if (request->wish == UNDO_KEEP_RENAME)
      keep_going(&to);
    if (folders)
      begin_stretch();
  }
  if (found)
    end_name(&from);
  end_name(&to);
}

static void path_of_caller(const struct undo_request *request,
                           char path[UNDO_PATH_MAX]) {
  char link[64];
  undo_caller_path(request, "exe", link, sizeof link);
  long length = SYS(readlinkat, AT_FDCWD, link, path, UNDO_PATH_MAX - 1);
  if (length > 0 && path[0] == '/')
    path[length] = 0;
  else
    hwckpt_format(path, UNDO_PATH_MAX, "%s", link);
}

/* In the place of a name, so that it is none. */
#define UNSEEN_MARK 0x5ee45ee45ee45ee5u

void undo_keep_unseen(const struct undo_request *request) {
  struct name name;
  bool room;
  if (request->place[0].path && find_name(&name, request, 0))
    end_name(&name);
  else
    path_of_caller(request, name.path);
  struct undo_record record = {.kind = UNDO_UNSEEN,
                               .mode = (uint32_t)request->argument,
                               .path = name.path};
  if (is_named(hash_of(name.path) ^ UNSEEN_MARK * (record.mode | 1), &room))
    return;
  if (room)
    undo_put(&record);
  else
    undo_lose();
}
