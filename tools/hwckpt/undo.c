/* undo.c - see undo.h.
 *
 * A log says what a path led to and what a file held when its generation was
 * taken. The newest log first, each is followed from its end to its beginning,
 * so that a path leads where it led when it was noted. What is brought about
 * are states: where they are there already nothing is done, so all may be done
 * again.
 *
 * Invariant: a file is written to only if it is the one that the log means
 * (device and inode, or made here in its place), and no symbolic link is
 * followed on the way to it.
 */
#include "undo.h"
#include "command.h"

#include "runtime/cache/undo_log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NANOSECONDS 1000000000ull

/* Numbers of inodes are used again: with a time they are not. */
struct identity {
  uint64_t device, inode, birth_ns;
  uint32_t mode; /* st_mode */
};

/* A file that went, and the one that was made in its place. */
struct replaced {
  struct identity then, now;
};

struct undo {
  uint64_t generation;
  uint64_t first, last; /* logs that lead back to it; 0: none */
  bool broken;          /* one of them cannot be used */
  bool quiet;           /* which need not be said yet */
  struct replaced *replaced;
  size_t replaced_count;
  /* Of the log at hand. */
  struct undo_record *records;
  size_t count, room;
};

static void *grown(void *memory, size_t count, size_t *room, size_t size) {
  if (count < *room)
    return memory;
  *room = *room ? 2 * *room : 64;
  void *more = realloc(memory, *room * size);
  if (!more)
    abort();
  return more;
}

static void warn(const char *path, int number, const char *what) {
  struct hwckpt_error error;
  hwckpt_fail(&error, HWCKPT_E_FILE_NOT_ROLLED_BACK, number, path, "%s", what);
  report_warning(&error);
}

/* ---- reading a log ---- */

/* Decodes it; its generation, 0 when it says none, -1 when it is of no use. */
static int64_t read_log(struct undo *undo, uint64_t number, const void *log,
                        size_t length) {
  int64_t generation = 0;
  size_t at = 0;
  int decoded;
  undo->count = 0;
  for (;;) {
    undo->records =
        grown(undo->records, undo->count, &undo->room, sizeof *undo->records);
    struct undo_record *record = &undo->records[undo->count];
    decoded = undo_decode(log, length, &at, record);
    if (decoded <= 0)
      break;
    if (record->kind != UNDO_BEGIN)
      undo->count++;
    else if (record->mode)
      decoded = -1;
    if (record->kind == UNDO_BEGIN)
      generation = (int64_t)record->offset;
    if (decoded < 0)
      break;
  }
  if (decoded == 0)
    return generation;
  char name[64];
  snprintf(name, sizeof name, "undo log %llu", (unsigned long long)number);
  if (undo->quiet)
    return -1;
  if (generation == 0 || (uint64_t)generation >= undo->generation)
    warn(name, 0, "it could not be written, or is damaged");
  return -1;
}

/* Which logs there are, and that they can be used. */
static int look(uint64_t number, const void *log, size_t length,
                void *context) {
  struct undo *undo = context;
  int64_t generation = read_log(undo, number, log, length);
  if (generation > 0 && (uint64_t)generation < undo->generation)
    return 1;
  undo->broken |= generation < 0;
  undo->last = undo->last ? undo->last : number;
  undo->first = number;
  return 0;
}

/* ---- files ---- */

static int open_beneath(int directory, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC,
                         .resolve =
                             RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/* The directory a path is in, and its last part; -1. */
static int open_parent(const char *path, const char **last) {
  char parent[UNDO_PATH_MAX];
  const char *slash = strrchr(path, '/');
  *last = slash + 1;
  snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
  return open_beneath(AT_FDCWD, *parent ? parent : "/", O_PATH | O_DIRECTORY);
}

static bool identify(int directory, const char *path,
                     struct identity *identity) {
  struct statx status;
  if (statx(directory, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
            STATX_BASIC_STATS | STATX_BTIME, &status))
    return false;
  *identity = (struct identity){
      makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino,
      status.stx_mask & STATX_BTIME
          ? (uint64_t)status.stx_btime.tv_sec * NANOSECONDS +
                status.stx_btime.tv_nsec
          : 0,
      status.stx_mode};
  return true;
}

static bool look_at(const char *path, struct identity *identity) {
  const char *last;
  int parent = open_parent(path, &last);
  if (parent < 0)
    return false;
  bool there = identify(parent, last, identity);
  close(parent);
  return there;
}

static bool same_identity(const struct identity *a, const struct identity *b) {
  return a->device == b->device && a->inode == b->inode &&
         a->birth_ns == b->birth_ns && (a->mode & S_IFMT) == (b->mode & S_IFMT);
}

static struct identity identity_of(const struct undo_record *record) {
  return (struct identity){record->device, record->inode, record->birth_ns,
                           record->mode};
}

/* Whether it is the file that the record means. */
static bool is_meant(const struct undo *undo, const struct undo_record *record,
                     const struct identity *there) {
  struct identity now = identity_of(record);
  for (size_t i = 0; i < undo->replaced_count; i++)
    if (same_identity(&undo->replaced[i].then, &now))
      now = undo->replaced[i].now;
  return same_identity(there, &now);
}

static void note_replaced(struct undo *undo, const struct undo_record *record,
                          const struct identity *made) {
  struct replaced *at =
      realloc(undo->replaced, (undo->replaced_count + 1) * sizeof *at);
  if (!at)
    abort();
  undo->replaced = at;
  at[undo->replaced_count++] = (struct replaced){identity_of(record), *made};
}

static bool same_file(const struct undo_record *a,
                      const struct undo_record *b) {
  return a->device == b->device && a->inode == b->inode &&
         a->birth_ns == b->birth_ns;
}

static const struct undo_record *find(const struct undo *undo,
                                      enum undo_kind kind,
                                      const struct undo_record *of) {
  for (size_t i = 0; i < undo->count; i++)
    if (undo->records[i].kind == kind && same_file(&undo->records[i], of) &&
        (kind != UNDO_NAME || undo->records[i].mode))
      return &undo->records[i];
  return NULL;
}

static int fail_write(const char *path, const char *what) {
  warn(path, errno, what);
  return -1;
}

/* The file's bytes, size and time. The record is its UNDO_FILE. */
static int fill(const struct undo *undo, const struct undo_record *file, int fd,
                const char *path) {
  for (size_t i = 0; i < undo->count; i++) {
    const struct undo_record *record = &undo->records[i];
    if (record->kind == UNDO_DATA && same_file(record, file) &&
        pwrite(fd, record->data, record->length, (off_t)record->offset) !=
            (ssize_t)record->length)
      return fail_write(path, "writing");
  }
  struct stat status;
  if (fstat(fd, &status) || ((uint64_t)status.st_size < file->size))
    return fail_write(path, "it is shorter, by another hand");
  if (ftruncate(fd, (off_t)file->size))
    return fail_write(path, "truncating");
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                              {(time_t)(file->mtime_ns / NANOSECONDS),
                               (long)(file->mtime_ns % NANOSECONDS)}};
  if (futimens(fd, times))
    return fail_write(path, "its time of modification");
  return 0;
}

/* ---- names ---- */

#define TEMPORARY ".hwckpt-undo"

/* A regular file that went: made anew, beside its name, then moved there. */
static void make_again(struct undo *undo, const struct undo_record *name,
                       int parent, const char *last) {
  const struct undo_record *file = find(undo, UNDO_FILE, name);
  struct identity status;
  if (!file || (file->size && !find(undo, UNDO_WHOLE, name))) {
    warn(name->path, 0, "it is gone, and was not kept");
    return;
  }
  unlinkat(parent, TEMPORARY, 0);
  int fd = openat(parent, TEMPORARY,
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    fail_write(name->path, "making it again");
    return;
  }
  if (fchown(fd, name->user, name->group) && errno != EPERM)
    fail_write(name->path, "its owner");
  int failed = fill(undo, file, fd, name->path);
  if (!failed &&
      (fchmod(fd, name->mode & 07777) || !identify(fd, "", &status) ||
       renameat(parent, TEMPORARY, parent, last)))
    failed = fail_write(name->path, "making it again");
  if (failed)
    unlinkat(parent, TEMPORARY, 0);
  else
    note_replaced(undo, name, &status);
  close(fd);
}

static void link_again(const struct undo_record *name, int parent,
                       const char *last) {
  char target[UNDO_PATH_MAX];
  snprintf(target, sizeof target, "%.*s", (int)name->length,
           (const char *)name->data);
  if (symlinkat(target, parent, last))
    fail_write(name->path, "making the symbolic link again");
}

/* Where the file is by now, among the names in the log; null: nowhere. */
static const char *whereabouts(const struct undo *undo,
                               const struct undo_record *name) {
  struct identity status;
  for (size_t i = 0; i < undo->count; i++)
    if (undo->records[i].kind == UNDO_NAME &&
        look_at(undo->records[i].path, &status) &&
        is_meant(undo, name, &status))
      return undo->records[i].path;
  return NULL;
}

/* What has its place keeps existing, under the name this one had. */
static void move_back(const struct undo_record *name, const char *from,
                      int parent, const char *last, bool occupied) {
  const char *from_last;
  int from_parent = open_parent(from, &from_last);
  if (from_parent < 0 ||
      syscall(SYS_renameat2, from_parent, from_last, parent, last,
              occupied ? 2 /* RENAME_EXCHANGE */ : 1 /* RENAME_NOREPLACE */))
    fail_write(name->path, "renaming it back");
  if (from_parent >= 0)
    close(from_parent);
}

static void bring_back(struct undo *undo, const struct undo_record *name,
                       int parent, const char *last) {
  struct identity status;
  bool occupied = identify(parent, last, &status);
  if (occupied && is_meant(undo, name, &status))
    return;
  const char *from = whereabouts(undo, name);
  if (from) {
    move_back(name, from, parent, last, occupied);
  } else if (S_ISREG(name->mode)) {
    make_again(undo, name, parent, last);
  } else if (S_ISDIR(name->mode)) {
    if (!(occupied && S_ISDIR(status.mode)) &&
        mkdirat(parent, last, name->mode & 07777))
      fail_write(name->path, "making the directory again");
  } else if (S_ISLNK(name->mode)) {
    if (!occupied)
      link_again(name, parent, last);
  } else {
    warn(name->path, 0, "it is gone, and no regular file");
  }
}

/* A name that was not there. What it leads to may be a file that belongs
 * elsewhere: that one's own record moves it. */
static void take_away(const struct undo *undo, const struct undo_record *name,
                      int parent, const char *last) {
  struct identity status;
  if (!identify(parent, last, &status))
    return;
  for (size_t i = 0; i < undo->count; i++)
    if (undo->records[i].kind == UNDO_NAME && undo->records[i].mode &&
        is_meant(undo, &undo->records[i], &status))
      return;
  if (unlinkat(parent, last, S_ISDIR(status.mode) ? AT_REMOVEDIR : 0))
    fail_write(name->path, "removing it");
}

static void undo_name(struct undo *undo, const struct undo_record *name) {
  const char *last;
  int parent = open_parent(name->path, &last);
  if (parent < 0) {
    if (name->mode)
      fail_write(name->path, "its directory");
    return;
  }
  if (name->mode)
    bring_back(undo, name, parent, last);
  else
    take_away(undo, name, parent, last);
  close(parent);
}

/* ---- contents ---- */

/* Whether the path led to nothing, or elsewhere, when the generation was taken.
 */
static bool was_made_since(const struct undo *undo,
                           const struct undo_record *file) {
  for (size_t i = 0; i < undo->count; i++)
    if (undo->records[i].kind == UNDO_NAME &&
        (!undo->records[i].mode || !same_file(&undo->records[i], file)) &&
        strcmp(undo->records[i].path, file->path) == 0)
      return true;
  return false;
}

/* What went is made again with its content where its name is. */
static bool went(const struct undo *undo, const struct undo_record *file) {
  return find(undo, UNDO_WHOLE, file) && find(undo, UNDO_NAME, file);
}

static void undo_content(struct undo *undo, const struct undo_record *file) {
  struct identity there;
  int fd = open_beneath(AT_FDCWD, file->path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  int number = errno;
  if (fd >= 0 && identify(fd, "", &there) && S_ISREG(there.mode) &&
      is_meant(undo, file, &there))
    fill(undo, file, fd, file->path);
  else if (!went(undo, file) && !was_made_since(undo, file))
    warn(file->path, fd < 0 ? number : 0,
         fd < 0 ? "opening it" : "another file is in its place");
  if (fd >= 0)
    close(fd);
}

static int take_back(uint64_t number, const void *log, size_t length,
                     void *context) {
  struct undo *undo = context;
  if (number < undo->first)
    return 1;
  if (read_log(undo, number, log, length) <= 0)
    return 0;
  for (size_t i = undo->count; i-- > 0;) {
    if (undo->records[i].kind == UNDO_NAME)
      undo_name(undo, &undo->records[i]);
    else if (undo->records[i].kind == UNDO_FILE)
      undo_content(undo, &undo->records[i]);
  }
  /* Where a file stood that has been moved back since. */
  for (size_t i = undo->count; i-- > 0;)
    if (undo->records[i].kind == UNDO_NAME && !undo->records[i].mode)
      undo_name(undo, &undo->records[i]);
  return 0;
}

/* ---- what may come back ---- */

struct undo_paths {
  struct undo undo;
  struct {
    char *path;
    bool content; /* of the file; else the name */
  } *at;
  size_t count, room;
};

/* Whether the log has the file's end: it can be made as long as it was. */
static bool ends_in_log(const struct undo *undo,
                        const struct undo_record *file) {
  for (size_t i = 0; i < undo->count; i++)
    if (undo->records[i].kind == UNDO_DATA &&
        same_file(&undo->records[i], file) &&
        undo->records[i].offset + undo->records[i].length == file->size)
      return true;
  return false;
}

static int collect(uint64_t number, const void *log, size_t length,
                   void *context) {
  struct undo_paths *paths = context;
  struct undo *undo = &paths->undo;
  if (number < undo->first || read_log(undo, number, log, length) <= 0)
    return number < undo->first;
  for (size_t i = 0; i < undo->count; i++) {
    if (undo->records[i].kind != UNDO_NAME &&
        undo->records[i].kind != UNDO_FILE)
      continue;
    paths->at = grown(paths->at, paths->count, &paths->room, sizeof *paths->at);
    bool content = undo->records[i].kind == UNDO_FILE;
    if (content && !ends_in_log(undo, &undo->records[i]))
      continue;
    paths->at[paths->count].path = strdup(undo->records[i].path);
    paths->at[paths->count++].content = content;
  }
  return 0;
}

struct undo_paths *undo_paths_open(struct cache *cache, const char *application,
                                   uint64_t generation) {
  struct undo_paths *paths = calloc(1, sizeof *paths);
  if (!paths)
    abort();
  paths->undo.generation = generation;
  paths->undo.quiet = true;
  if (cache_undo_each(cache, application, look, &paths->undo, NULL) >= 0 &&
      paths->undo.last && !paths->undo.broken)
    cache_undo_each(cache, application, collect, paths, NULL);
  return paths;
}

void undo_paths_close(struct undo_paths *paths) {
  if (!paths)
    return;
  for (size_t i = 0; i < paths->count; i++)
    free(paths->at[i].path);
  free(paths->at);
  free(paths->undo.records);
  free(paths);
}

bool undo_may_bring(const struct undo_paths *paths, const char *path,
                    bool shorter) {
  for (size_t i = 0; paths && i < paths->count; i++) {
    size_t length = strlen(paths->at[i].path);
    if (strncmp(paths->at[i].path, path, length) != 0)
      continue;
    /* A directory that it is in may come back. */
    if (path[length] ? path[length] == '/' && !paths->at[i].content
                     : shorter || !paths->at[i].content)
      return true;
  }
  return false;
}

int undo_files(struct cache *cache, const char *application,
               uint64_t generation, bool keep, struct hwckpt_error *error) {
  struct undo undo = {.generation = generation};
  int result = cache_undo_each(cache, application, look, &undo, error);
  if (result >= 0 && undo.last && !keep && !undo.broken)
    result = cache_undo_each(cache, application, take_back, &undo, error);
  if (result >= 0 && undo.last)
    result =
        cache_undo_remove(cache, application, undo.first, undo.last, error);
  free(undo.records);
  free(undo.replaced);
  return result < 0 ? result : 0;
}
