/* undo.c - see undo.h.
 *
 * A log says what a path led to and what a file held when its generation was
 * taken. The newest log first, each is followed from its end to its beginning,
 * so that a path leads where it led when it was noted. What is brought about
 * are states: where they are there already nothing is done. A log that has been
 * taken back is removed before the next one is begun, so that whoever is killed
 * goes on with the one he was at; the one after that gets to know which files
 * were made in the place of others.
 *
 * Invariant: a file is written to only if it is the one that the log means
 * (device and inode, or made here in its place), and no symbolic link is
 * followed on the way to it.
 */
#include "undo.h"
#include "command.h"
#include "undo_entries.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NANOSECONDS 1000000000ull

struct undo {
  struct cache *cache;
  const char *application;
  uint64_t generation;
  uint64_t first, last; /* logs that lead back to it; 0: none */
  bool broken;          /* one of them cannot be used */
  bool quiet;           /* which need not be said yet */
  struct replacements replacements;
  struct undo_entries entries; /* of the log at hand */
};

static void warn(const char *path, int number, const char *what) {
  struct hwckpt_error error;
  hwckpt_fail(&error, HWCKPT_E_FILE_NOT_ROLLED_BACK, number, path, "%s", what);
  report_warning(&error);
}

/* ---- which logs ---- */

/* Which there are, and that they can be used. */
static int look(uint64_t number, const void *log, size_t length,
                void *context) {
  struct undo *undo = context;
  struct replacements none = {0};
  struct undo_entries entries;
  bool good = undo_entries_read(&entries, log, length, &none);
  uint64_t generation = entries.generation;
  bool lost = entries.lost;
  undo_entries_free(&entries);
  free(none.at);
  if (generation && generation < undo->generation)
    return 1;
  if (!good || lost) {
    char name[64];
    snprintf(name, sizeof name, "undo log %llu", (unsigned long long)number);
    if (!undo->quiet)
      warn(name, 0, lost ? "it could not be written" : "it is damaged");
    undo->broken = true;
  }
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

static bool look_at(const char *path, struct identity *identity) {
  const char *last;
  int parent = open_parent(path, &last);
  if (parent < 0)
    return false;
  bool there = identify(parent, last, identity);
  close(parent);
  return there;
}

static int fail_write(const char *path, const char *what) {
  warn(path, errno, what);
  return -1;
}

struct filling {
  int fd;
  const char *path;
};

static int fill_data(const struct undo_record *data, void *context) {
  const struct filling *filling = context;
  return pwrite(filling->fd, data->data, data->length, (off_t)data->offset) ==
                 (ssize_t)data->length
             ? 0
             : fail_write(filling->path, "writing");
}

/* The file's bytes, size and time. The record is its UNDO_FILE. */
static int fill(const struct undo *undo, const struct undo_record *file, int fd,
                const char *path) {
  struct filling filling = {fd, path};
  if (undo_entries_each_data(&undo->entries, file, fill_data, &filling))
    return -1;
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

static void note_replaced(struct undo *undo, const struct undo_record *name,
                          const struct identity *made) {
  struct identity then = identity_of(name);
  replacements_add(&undo->replacements, &then, made);
  undo_entries_replace(&undo->entries, &then, made);
}

/* A regular file that went: made anew, beside its name, then moved there. */
static void make_again(struct undo *undo, const struct undo_record *name,
                       int parent, const char *last) {
  const struct undo_entry *file =
      undo_entries_find(&undo->entries, UNDO_FILE, name);
  struct identity made;
  if (!file || (file->record.size &&
                !undo_entries_find(&undo->entries, UNDO_WHOLE, name))) {
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
  int failed = fill(undo, &file->record, fd, name->path);
  if (!failed && (fchmod(fd, name->mode & 07777) || !identify(fd, "", &made) ||
                  renameat(parent, TEMPORARY, parent, last)))
    failed = fail_write(name->path, "making it again");
  if (failed)
    unlinkat(parent, TEMPORARY, 0);
  else
    note_replaced(undo, name, &made);
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

static void bring_back(struct undo *undo, const struct undo_entry *entry,
                       int parent, const char *last) {
  const struct undo_record *name = &entry->record;
  struct identity status;
  bool occupied = identify(parent, last, &status);
  if (occupied && same_identity(&status, &entry->now))
    return;
  const char *from = undo_entries_whereabouts(&undo->entries, entry, look_at);
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
  } else if (!occupied || (status.mode & S_IFMT) != (name->mode & S_IFMT)) {
    /* A socket is there again as it was bound again. */
    warn(name->path, 0, "it is gone, and no regular file");
  }
}

/* A name that was not there. What it leads to may be a file that belongs
 * elsewhere: that one's own record moves it. */
static void take_away(const struct undo *undo, const struct undo_record *name,
                      int parent, const char *last) {
  struct identity status;
  if (!identify(parent, last, &status) ||
      undo_entries_lead_to(&undo->entries, &undo->replacements, &status))
    return;
  if (unlinkat(parent, last, S_ISDIR(status.mode) ? AT_REMOVEDIR : 0))
    fail_write(name->path, "removing it");
}

static void undo_name(struct undo *undo, const struct undo_entry *entry) {
  const char *last;
  int parent = open_parent(entry->record.path, &last);
  if (parent < 0) {
    if (entry->record.mode)
      fail_write(entry->record.path, "its directory");
    return;
  }
  if (entry->record.mode)
    bring_back(undo, entry, parent, last);
  else
    take_away(undo, &entry->record, parent, last);
  close(parent);
}

/* ---- contents ---- */

/* Whether the path led to nothing, or elsewhere, when the generation was taken.
 */
static bool was_made_since(const struct undo *undo,
                           const struct undo_record *file) {
  const struct undo_entry *name = undo_entries_name(&undo->entries, file->path);
  struct identity one = name ? identity_of(&name->record) : identity_of(file);
  struct identity other = identity_of(file);
  return name && (!name->record.mode || !same_identity(&one, &other));
}

/* What went is made again with its content where its name is. */
static bool went(const struct undo *undo, const struct undo_record *file) {
  return undo_entries_find(&undo->entries, UNDO_WHOLE, file) &&
         undo_entries_find(&undo->entries, UNDO_NAME, file);
}

static void undo_content(struct undo *undo, const struct undo_entry *entry) {
  const struct undo_record *file = &entry->record;
  struct identity there;
  int fd = open_beneath(AT_FDCWD, file->path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  int number = errno;
  if (fd >= 0 && identify(fd, "", &there) && S_ISREG(there.mode) &&
      same_identity(&there, &entry->now))
    fill(undo, file, fd, file->path);
  else if (!went(undo, file) && !was_made_since(undo, file))
    warn(file->path, fd < 0 ? number : 0,
         fd < 0 ? "opening it" : "another file is in its place");
  if (fd >= 0)
    close(fd);
}

/* Says so, unless the file is seen to be what it was. */
static void say_left(const struct undo_record *left) {
  struct stat status;
  const char *last;
  int parent = open_parent(left->path, &last);
  bool same = parent >= 0 &&
              !fstatat(parent, last, &status, AT_SYMLINK_NOFOLLOW) &&
              status.st_ino == left->inode && status.st_dev == left->device &&
              (uint64_t)status.st_size == left->size &&
              (uint64_t)status.st_mtim.tv_sec * NANOSECONDS +
                      (uint64_t)status.st_mtim.tv_nsec ==
                  left->mtime_ns;
  if (parent >= 0)
    close(parent);
  if (!left->mode)
    warn(left->path, 0, "it is mapped, and was too large to be kept");
  else if (!same)
    warn(left->path, 0, "too much of it was changed to be kept");
}

static void undo_entry(struct undo *undo, const struct undo_entry *entry) {
  if (entry->record.kind == UNDO_NAME)
    undo_name(undo, entry);
  else if (entry->record.kind == UNDO_FILE)
    undo_content(undo, entry);
  else if (entry->record.kind == UNDO_LEFT)
    say_left(&entry->record);
}

/* The newest log; no other. */
static int take_back(uint64_t number, const void *log, size_t length,
                     void *context) {
  struct undo *undo = context;
  struct undo_entries *entries = &undo->entries;
  (void)number;
  undo_entries_read(entries, log, length, &undo->replacements);
  for (size_t i = entries->count; i-- > 0;)
    undo_entry(undo, &entries->at[i]);
  /* Where a file stood that has been moved back since. */
  for (size_t i = entries->count; i-- > 0;)
    if (entries->at[i].record.kind == UNDO_NAME && !entries->at[i].record.mode)
      undo_name(undo, &entries->at[i]);
  undo_entries_free(entries);
  return 1;
}

/* ---- one log after the other ---- */

/* The number of a log that is older than `number`, and where it ends. */
struct older {
  uint64_t before, number, length;
};

static int find_older(uint64_t number, const void *log, size_t length,
                      void *context) {
  struct older *older = context;
  struct replacements none = {0};
  struct undo_entries entries;
  if (number >= older->before)
    return 0;
  undo_entries_read(&entries, log, length, &none);
  older->number = number;
  older->length = entries.length;
  undo_entries_free(&entries);
  free(none.at);
  return 1;
}

/* Says in the log before this one what was made in the place of what. */
static int hand_on(const struct undo *undo, uint64_t number,
                   struct hwckpt_error *error) {
  struct older older = {.before = number};
  int result = undo->replacements.count && number > undo->first
                   ? cache_undo_each(undo->cache, undo->application, find_older,
                                     &older, error)
                   : 0;
  for (size_t i = 0;
       result >= 0 && older.number && i < undo->replacements.count; i++) {
    const struct replaced *replaced = &undo->replacements.at[i];
    const struct undo_record record = {
        .kind = UNDO_INSTEAD,
        .device = replaced->then.device,
        .inode = replaced->then.inode,
        .birth_ns = replaced->then.birth_ns,
        .mode = replaced->then.mode,
        .offset = replaced->now.device,
        .size = replaced->now.inode,
        .mtime_ns = replaced->now.birth_ns,
    };
    result = cache_undo_append(undo->cache, undo->application, older.number,
                               &older.length, &record, error);
  }
  return result < 0 ? result : 0;
}

static int newest(uint64_t number, const void *log, size_t length,
                  void *context) {
  uint64_t *found = context;
  (void)log;
  (void)length;
  *found = number;
  return 1;
}

/* The newest of those that are left, until there is none. */
static int take_all_back(struct undo *undo, struct hwckpt_error *error) {
  for (uint64_t number = undo->last; number >= undo->first;) {
    int result =
        cache_undo_each(undo->cache, undo->application, take_back, undo, error);
    if (result >= 0)
      result = hand_on(undo, number, error);
    if (result >= 0)
      result = cache_undo_remove(undo->cache, undo->application, number, number,
                                 error);
    if (result < 0)
      return result;
    uint64_t left = 0;
    result =
        cache_undo_each(undo->cache, undo->application, newest, &left, error);
    if (result < 0 || left >= number)
      return result < 0 ? result : 0;
    number = left;
  }
  return 0;
}

int undo_files(struct cache *cache, const char *application,
               uint64_t generation, bool keep, struct hwckpt_error *error) {
  struct undo undo = {
      .cache = cache, .application = application, .generation = generation};
  int result = cache_undo_each(cache, application, look, &undo, error);
  if (result >= 0 && undo.last && !keep && !undo.broken)
    result = take_all_back(&undo, error);
  else if (result >= 0 && undo.last)
    result =
        cache_undo_remove(cache, application, undo.first, undo.last, error);
  free(undo.replacements.at);
  return result < 0 ? result : 0;
}

/* ---- what may come back ---- */

struct undo_paths {
  struct undo undo; /* of the application that is added */
  struct {
    char *path;
    bool content; /* of the file; else the name */
  } *at;
  size_t count, room;
};

static int find_end(const struct undo_record *data, void *context) {
  return data->offset + data->length == *(uint64_t *)context;
}

static void add_path(struct undo_paths *paths, const char *path, bool content) {
  if (paths->count == paths->room) {
    paths->room = paths->room ? 2 * paths->room : 64;
    void *more = realloc(paths->at, paths->room * sizeof *paths->at);
    if (!more)
      abort();
    paths->at = more;
  }
  char *copy = strdup(path);
  if (!copy)
    abort();
  paths->at[paths->count].path = copy;
  paths->at[paths->count++].content = content;
}

/* Whether the log has its end, and it is still there: it can be made as long as
 * it was. */
static bool may_grow(const struct undo_entries *entries,
                     const struct undo_entry *file) {
  struct identity there;
  uint64_t size = file->record.size;
  return undo_entries_each_data(entries, &file->record, find_end, &size) &&
         look_at(file->record.path, &there) &&
         same_identity(&there, &file->now);
}

static int collect(uint64_t number, const void *log, size_t length,
                   void *context) {
  struct undo_paths *paths = context;
  struct undo *undo = &paths->undo;
  if (number < undo->first)
    return 1;
  undo_entries_read(&undo->entries, log, length, &undo->replacements);
  for (size_t i = 0; i < undo->entries.count; i++) {
    const struct undo_record *record = &undo->entries.at[i].record;
    if (record->kind == UNDO_NAME)
      add_path(paths, record->path, false);
    else if (record->kind == UNDO_FILE &&
             may_grow(&undo->entries, &undo->entries.at[i]))
      add_path(paths, record->path, true);
  }
  undo_entries_free(&undo->entries);
  return 0;
}

void undo_paths_add(struct undo_paths **paths, struct cache *cache,
                    const char *application, uint64_t generation) {
  if (!*paths)
    *paths = calloc(1, sizeof **paths);
  if (!*paths)
    abort();
  struct undo *undo = &(*paths)->undo;
  *undo = (struct undo){.generation = generation, .quiet = true};
  if (cache_undo_each(cache, application, look, undo, NULL) >= 0 &&
      undo->last && !undo->broken)
    cache_undo_each(cache, application, collect, *paths, NULL);
  free(undo->replacements.at);
  undo->replacements = (struct replacements){0};
}

void undo_paths_close(struct undo_paths *paths) {
  if (!paths)
    return;
  for (size_t i = 0; i < paths->count; i++)
    free(paths->at[i].path);
  free(paths->at);
  free(paths);
}

/* Whether a name in the logs is that of the file, or of a directory it is in.
 */
static bool is_above(const char *name, const char *path) {
  size_t length = strlen(name);
  return strncmp(name, path, length) == 0 &&
         (path[length] == '/' || !path[length]);
}

bool undo_may_bring(const struct undo_paths *paths, const char *path,
                    bool shorter) {
  if (undo_may_move(paths, path))
    return true;
  for (size_t i = 0; shorter && paths && i < paths->count; i++)
    if (paths->at[i].content && !strcmp(paths->at[i].path, path))
      return true;
  return false;
}

bool undo_may_move(const struct undo_paths *paths, const char *path) {
  for (size_t i = 0; paths && i < paths->count; i++)
    if (!paths->at[i].content && is_above(paths->at[i].path, path))
      return true;
  return false;
}
