/* undo_back.c - see undo_back.h.
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
#include "undo_back.h"
#include "undo_back_private.h"

#include "../arch/sys.h"
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NANOSECONDS 1000000000ull

static void warn(const struct undo *undo, const char *path, long number,
                 const char *what) {
  struct hwckpt_error error;
  hwckpt_fail(&error, HWCKPT_E_FILE_NOT_ROLLED_BACK,
              number < 0 ? (int)-number : 0, path, "%s", what);
  undo->target->warn(&error);
}

/* ---- which logs ---- */

static int no_memory(const struct undo *undo) {
  return hwckpt_fail(undo->error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "undo log",
                     "%s", undo->target->application);
}

/* Which there are, and that they can be used. */
static int look(uint64_t number, const void *log, size_t length,
                void *context) {
  struct undo *undo = context;
  struct replacements none = {0};
  struct undo_entries entries;
  enum undo_read read =
      undo_entries_read(undo->env, &entries, log, length, &none);
  uint64_t generation = entries.generation;
  bool lost = entries.lost;
  undo_entries_free(&entries);
  replacements_free(undo->env, &none);
  if (read == UNDO_READ_NO_MEMORY)
    return no_memory(undo);
  if (generation && generation < undo->target->generation)
    return 1;
  if (read == UNDO_READ_DAMAGED || lost) {
    char name[64];
    hwckpt_format(name, sizeof(name), "undo log %llu",
                  (unsigned long long)number);
    if (!undo->quiet)
      warn(undo, name, 0, lost ? "it could not be written" : "it is damaged");
    undo->broken = true;
  }
  undo->last = undo->last ? undo->last : number;
  undo->first = number;
  return 0;
}

int undo_find_logs(struct undo *undo) {
  return cache_undo_each(undo->target->cache, undo->target->application, look,
                         undo, undo->error);
}

/* ---- files ---- */

static int open_beneath(int directory, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC,
                         .resolve =
                             RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return (int)SYS(openat2, directory, path, &how, sizeof(how));
}

/* The directory a path is in, and its last part; -1. */
static int open_parent(const char *path, const char **last) {
  char parent[UNDO_PATH_MAX];
  size_t slash = strlen(path);
  while (path[slash] != '/') /* a log has no other paths */
    slash--;
  *last = path + slash + 1;
  memcpy(parent, path, slash);
  parent[slash] = 0;
  return open_beneath(AT_FDCWD, *parent ? parent : "/", O_PATH | O_DIRECTORY);
}

bool undo_look_at(const char *path, struct identity *identity) {
  const char *last;
  int parent = open_parent(path, &last);
  if (parent < 0)
    return false;
  bool there = identify(parent, last, identity);
  SYS(close, parent);
  return there;
}

static int fail_write(const struct undo *undo, const char *path, long number,
                      const char *what) {
  warn(undo, path, number, what);
  return -1;
}

struct filling {
  const struct undo *undo;
  int fd;
  const char *path;
};

static int fill_data(const struct undo_record *data, void *context) {
  const struct filling *filling = context;
  long result =
      SYS(pwrite64, filling->fd, data->data, data->length, data->offset);
  return result == (long)data->length
             ? 0
             : fail_write(filling->undo, filling->path, result, "writing");
}

/* The file's bytes, size and time. The record is its UNDO_FILE. */
static int fill(const struct undo *undo, const struct undo_record *file, int fd,
                const char *path) {
  struct filling filling = {undo, fd, path};
  if (undo_entries_each_data(&undo->entries, file, fill_data, &filling))
    return -1;
  struct stat status;
  long result = SYS(fstat, fd, &status);
  if (result < 0 || (uint64_t)status.st_size < file->size)
    return fail_write(undo, path, result, "it is shorter, by another hand");
  if ((result = SYS(ftruncate, fd, file->size)) < 0)
    return fail_write(undo, path, result, "truncating");
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                              {(time_t)(file->mtime_ns / NANOSECONDS),
                               (long)(file->mtime_ns % NANOSECONDS)}};
  if ((result = SYS(utimensat, fd, 0, times, 0)) < 0)
    return fail_write(undo, path, result, "its time of modification");
  return 0;
}

/* ---- names ---- */

#define TEMPORARY ".hwckpt-undo"

static void note_replaced(struct undo *undo, const struct undo_record *name,
                          const struct identity *made) {
  struct identity then = identity_of(name);
  if (!replacements_add(undo->env, &undo->replacements, &then, made))
    warn(undo, name->path, -ENOMEM, "noting what has its place");
  undo_entries_replace(&undo->entries, &then, made);
}

/* Makes what `name` was at the descriptor and gives it its name. */
static int finish_again(struct undo *undo, const struct undo_record *name,
                        const struct undo_record *file, int fd, int parent,
                        const char *last) {
  struct identity made;
  long result = SYS(fchown, fd, name->user, name->group);
  if (result < 0 && result != -EPERM)
    warn(undo, name->path, result, "its owner");
  if (fill(undo, file, fd, name->path))
    return -1;
  result = SYS(fchmod, fd, name->mode & 07777);
  if (result >= 0 && !identify(fd, "", &made))
    result = -ENOENT;
  if (result >= 0)
    result = SYS(renameat, parent, TEMPORARY, parent, last);
  if (result < 0)
    return fail_write(undo, name->path, result, "making it again");
  note_replaced(undo, name, &made);
  return 0;
}

/* A regular file that went: made anew, beside its name, then moved there. */
static void make_again(struct undo *undo, const struct undo_record *name,
                       int parent, const char *last) {
  const struct undo_entry *file =
      undo_entries_find(&undo->entries, UNDO_FILE, name);
  if (!file || (file->record.size &&
                !undo_entries_find(&undo->entries, UNDO_WHOLE, name))) {
    warn(undo, name->path, 0, "it is gone, and was not kept");
    return;
  }
  SYS(unlinkat, parent, TEMPORARY, 0);
  int fd = (int)SYS(openat, parent, TEMPORARY,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    warn(undo, name->path, fd, "making it again");
    return;
  }
  if (finish_again(undo, name, &file->record, fd, parent, last))
    SYS(unlinkat, parent, TEMPORARY, 0);
  SYS(close, fd);
}

static void link_again(const struct undo *undo, const struct undo_record *name,
                       int parent, const char *last) {
  char target[UNDO_PATH_MAX];
  size_t length =
      name->length < sizeof(target) ? name->length : sizeof(target) - 1;
  memcpy(target, name->data, length);
  target[length] = 0;
  long result = SYS(symlinkat, target, parent, last);
  if (result < 0)
    warn(undo, name->path, result, "making the symbolic link again");
}

/* What has its place keeps existing, under the name this one had. */
static void move_back(const struct undo *undo, const struct undo_record *name,
                      const char *from, int parent, const char *last,
                      bool occupied) {
  const char *from_last;
  int from_parent = open_parent(from, &from_last);
  long result = from_parent;
  if (result >= 0)
    result = SYS(renameat2, from_parent, from_last, parent, last,
                 occupied ? 2 /* RENAME_EXCHANGE */ : 1 /* RENAME_NOREPLACE */);
  if (result < 0)
    warn(undo, name->path, result, "renaming it back");
  if (from_parent >= 0)
    SYS(close, from_parent);
}

static void make_directory(const struct undo *undo,
                           const struct undo_record *name, int parent,
                           const char *last) {
  long result = SYS(mkdirat, parent, last, name->mode & 07777);
  if (result < 0)
    warn(undo, name->path, result, "making the directory again");
}

static void bring_back(struct undo *undo, const struct undo_entry *entry,
                       int parent, const char *last) {
  const struct undo_record *name = &entry->record;
  struct identity status;
  bool occupied = identify(parent, last, &status);
  if (occupied && same_identity(&status, &entry->now))
    return;
  const char *from =
      undo_entries_whereabouts(&undo->entries, entry, undo_look_at);
  if (from) {
    move_back(undo, name, from, parent, last, occupied);
  } else if (S_ISREG(name->mode)) {
    make_again(undo, name, parent, last);
  } else if (S_ISDIR(name->mode)) {
    if (!(occupied && S_ISDIR(status.mode)))
      make_directory(undo, name, parent, last);
  } else if (S_ISLNK(name->mode)) {
    if (!occupied)
      link_again(undo, name, parent, last);
  } else if (!occupied || (status.mode & S_IFMT) != (name->mode & S_IFMT)) {
    /* A socket is there again as it was bound again. */
    warn(undo, name->path, 0, "it is gone, and no regular file");
  }
}

/* Of the regular file there, which belongs elsewhere. */
static bool has_another_name(const struct undo *undo,
                             const struct undo_record *name, int parent,
                             const char *last, const struct identity *there) {
  struct stat status;
  return SYS(newfstatat, parent, last, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status.st_mode) && status.st_nlink > 1 &&
         undo_entries_other_name(&undo->entries, name->path, there,
                                 undo_look_at);
}

/* A name that was not there. What it leads to may be a file that belongs
 * elsewhere: that one's own record moves it, from the last of such names. */
static void take_away(const struct undo *undo, const struct undo_record *name,
                      int parent, const char *last) {
  struct identity status;
  if (!identify(parent, last, &status) ||
      (undo_entries_lead_to(&undo->entries, &undo->replacements, &status) &&
       !has_another_name(undo, name, parent, last, &status)))
    return;
  long result =
      SYS(unlinkat, parent, last, S_ISDIR(status.mode) ? AT_REMOVEDIR : 0);
  if (result < 0)
    warn(undo, name->path, result, "removing it");
}

static void undo_name(struct undo *undo, const struct undo_entry *entry) {
  const char *last;
  int parent = open_parent(entry->record.path, &last);
  if (parent < 0) {
    if (entry->record.mode)
      warn(undo, entry->record.path, parent, "its directory");
    return;
  }
  if (entry->record.mode)
    bring_back(undo, entry, parent, last);
  else
    take_away(undo, &entry->record, parent, last);
  SYS(close, parent);
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
  if (fd >= 0 && identify(fd, "", &there) && S_ISREG(there.mode) &&
      same_identity(&there, &entry->now))
    fill(undo, file, fd, file->path);
  else if (!went(undo, file) && !was_made_since(undo, file))
    warn(undo, file->path, fd,
         fd < 0 ? "opening it" : "another file is in its place");
  if (fd >= 0)
    SYS(close, fd);
}

/* Says so, unless the file is seen to be what it was. */
static void say_left(const struct undo *undo, const struct undo_record *left) {
  struct stat status;
  const char *last;
  int parent = open_parent(left->path, &last);
  bool same =
      parent >= 0 &&
      SYS(newfstatat, parent, last, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      status.st_ino == left->inode && status.st_dev == left->device &&
      (uint64_t)status.st_size == left->size &&
      (uint64_t)status.st_mtim.tv_sec * NANOSECONDS +
              (uint64_t)status.st_mtim.tv_nsec ==
          left->mtime_ns;
  if (parent >= 0)
    SYS(close, parent);
  if (!left->mode)
    warn(undo, left->path, 0, "it is mapped, and was too large to be kept");
  else if (!same)
    warn(undo, left->path, 0, "too much of it was changed to be kept");
}

static void undo_entry(struct undo *undo, const struct undo_entry *entry) {
  if (entry->record.kind == UNDO_NAME)
    undo_name(undo, entry);
  else if (entry->record.kind == UNDO_FILE)
    undo_content(undo, entry);
  else if (entry->record.kind == UNDO_LEFT)
    say_left(undo, &entry->record);
}

/* The newest log; no other. */
static int take_back(uint64_t number, const void *log, size_t length,
                     void *context) {
  struct undo *undo = context;
  struct undo_entries *entries = &undo->entries;
  (void)number;
  if (undo_entries_read(undo->env, entries, log, length, &undo->replacements) ==
      UNDO_READ_NO_MEMORY) {
    undo_entries_free(entries);
    return no_memory(undo);
  }
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
  const struct undo *undo;
  uint64_t before, number, length;
};

static int find_older(uint64_t number, const void *log, size_t length,
                      void *context) {
  struct older *older = context;
  struct replacements none = {0};
  struct undo_entries entries;
  if (number >= older->before)
    return 0;
  const struct cache_env *env = older->undo->env;
  enum undo_read read = undo_entries_read(env, &entries, log, length, &none);
  older->number = number;
  older->length = entries.length;
  undo_entries_free(&entries);
  replacements_free(env, &none);
  return read == UNDO_READ_NO_MEMORY ? no_memory(older->undo) : 1;
}

/* Says in the log before this one what was made in the place of what. */
static int hand_on(const struct undo *undo, uint64_t number) {
  struct older older = {.undo = undo, .before = number};
  int result =
      undo->replacements.count && number > undo->first
          ? cache_undo_each(undo->target->cache, undo->target->application,
                            find_older, &older, undo->error)
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
    result =
        cache_undo_append(undo->target->cache, undo->target->application,
                          older.number, &older.length, &record, undo->error);
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
static int take_all_back(struct undo *undo) {
  for (uint64_t number = undo->last; number >= undo->first;) {
    int result = cache_undo_each(undo->target->cache, undo->target->application,
                                 take_back, undo, undo->error);
    if (result >= 0)
      result = hand_on(undo, number);
    if (result >= 0)
      result = cache_undo_remove(undo->target->cache, undo->target->application,
                                 number, number, undo->error);
    if (result < 0)
      return result;
    uint64_t left = 0;
    result = cache_undo_each(undo->target->cache, undo->target->application,
                             newest, &left, undo->error);
    if (result < 0 || left >= number)
      return result < 0 ? result : 0;
    number = left;
  }
  return 0;
}

int undo_files(const struct undo_target *target, bool keep,
               struct hwckpt_error *error) {
  struct undo undo = {
      .target = target, .env = target->cache->env, .error = error};
  int result = undo_find_logs(&undo);
  if (result >= 0 && undo.last && !keep && !undo.broken)
    result = take_all_back(&undo);
  else if (result >= 0 && undo.last)
    result = cache_undo_remove(target->cache, target->application, undo.first,
                               undo.last, error);
  replacements_free(undo.env, &undo.replacements);
  return result < 0 ? result : 0;
}
