/* undo_back.c - see undo_back.h.
 *
 * A log says what a path led to and what a file held when its generation was
 * taken. The newest log first, each is taken back a stretch after the other
 * (undo_stretch.h), the last first, so that a path leads through the folders
 * that it led through when it was noted. What is brought about are states:
 * where they are there already nothing is done. A stretch that is taken back is
 * marked in the log, and a log that is is removed before the next one is begun,
 * so that whoever is killed goes on with the one he was at; the log before gets
 * to know which files were made in the place of others.
 *
 * Invariant: a file is written to only if it is the one that the log means
 * (device and inode, or made here in its place), and no symbolic link is
 * followed on the way to it.
 */
#include "undo_back.h"
#include "undo_back_private.h"

#include "../arch/sys.h"
#include "../own_mode.h"
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NANOSECONDS 1000000000ull

void undo_warn(const struct undo *undo, const char *path, long number,
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
  bool older = entries.begun && entries.generation < undo->target->generation;
  bool lost = entries.lost;
  undo_entries_free(&entries);
  replacements_free(undo->env, &none);
  if (read == UNDO_READ_NO_MEMORY)
    return no_memory(undo);
  if (older)
    return 1;
  if (read == UNDO_READ_DAMAGED || lost) {
    char name[64];
    hwckpt_format(name, sizeof(name), "undo log %llu",
                  (unsigned long long)number);
    if (!undo->quiet)
      undo_warn(undo, name, 0,
                lost ? "it could not be written" : "it is damaged");
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

#define BENEATH (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

static int open_beneath(int directory, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = BENEATH};
  return (int)SYS(openat2, directory, path, &how, sizeof(how));
}

/* The directory a path is in, and its last part; -1. */
int undo_open_parent(const char *path, const char **last) {
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
  int parent = undo_open_parent(path, &last);
  if (parent < 0)
    return false;
  bool there = identify(parent, last, identity);
  SYS(close, parent);
  return there;
}

static int fail_write(const struct undo *undo, const char *path, long number,
                      const char *what) {
  undo_warn(undo, path, number, what);
  return -1;
}

struct filling {
  const struct undo *undo;
  int fd;
  const char *path;
  struct undo_state_of file; /* as it is to be */
};

/* Blocks as what keeps them has them. What is longer, as holes may be, is
 * filled whatever other logs say. */
#define BLOCK 4096u
#define BLOCKS_MOST 1024u

/* A file that was cut gets its end back. */
static int reach(const struct filling *filling, uint64_t end) {
  struct stat status;
  long result = SYS(fstat, filling->fd, &status);
  if (result >= 0 && (uint64_t)status.st_size < end)
    result = SYS(ftruncate, filling->fd, end);
  return result < 0 ? fail_write(filling->undo, filling->path, result,
                                 "making it as long as it was")
                    : 0;
}

/* They take no room, where the file system can. */
static int fill_zeros(const struct filling *filling, uint64_t begin,
                      uint64_t end) {
  static const char zeros[1 << 16];
  end = end < filling->file.size ? end : filling->file.size;
  if (begin >= end)
    return 0;
  if (SYS(fallocate, filling->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
          begin, end - begin) == 0)
    return reach(filling, end);
  while (begin < end) {
    uint64_t most = end - begin < sizeof zeros ? end - begin : sizeof zeros;
    long result = SYS(pwrite64, filling->fd, zeros, most, begin);
    if (result <= 0)
      return fail_write(filling->undo, filling->path, result, "writing zeros");
    begin += (uint64_t)result;
  }
  return 0;
}

static int fill_piece(const struct filling *filling,
                      const struct undo_record *data, uint64_t begin,
                      uint64_t end) {
  if (data->kind == UNDO_ZEROS)
    return fill_zeros(filling, begin, end);
  const char *bytes = (const char *)data->data + (begin - data->offset);
  long result = SYS(pwrite64, filling->fd, bytes, end - begin, begin);
  return result == (long)(end - begin)
             ? 0
             : fail_write(filling->undo, filling->path, result, "writing");
}

/* The end of the piece that begins there: blocks that are all to be filled, or
 * all not. 0: no memory. */
static uint64_t end_of_piece(const struct filling *filling, uint64_t begin,
                             uint64_t end, bool *wanted) {
  struct undo_filled *filled = filling->undo->target->filled;
  int first = undo_filled_block(filled, &filling->file, begin / BLOCK);
  int next = first;
  uint64_t at = begin;
  *wanted = first > 0;
  while (next >= 0 && next == first && at < end) {
    at = (at / BLOCK + 1) * BLOCK;
    if (at < end)
      next = undo_filled_block(filled, &filling->file, at / BLOCK);
  }
  return next < 0 ? 0 : at < end ? at : end;
}

static int fill_data(const struct undo_record *data, void *context) {
  const struct filling *filling = context;
  uint64_t begin = data->offset, piece;
  uint64_t end = undo_end_of_data(data);
  bool each = filling->undo->target->filled &&
              end - begin <= (uint64_t)BLOCKS_MOST * BLOCK;
  bool wanted = true;
  int failed = 0;
  for (; begin < end && !failed; begin = piece) {
    piece = each ? end_of_piece(filling, begin, end, &wanted) : end;
    if (!piece)
      return fail_write(filling->undo, filling->path, -ENOMEM, "its blocks");
    if (wanted)
      failed = fill_piece(filling, data, begin, piece);
  }
  return failed;
}

/* The file's bytes, size and time. The record is its UNDO_FILE. */
int undo_fill(const struct undo *undo, const struct undo_record *file, int fd,
              const char *path) {
  struct stat status;
  long result = SYS(fstat, fd, &status);
  struct filling filling = {undo,
                            fd,
                            path,
                            {result < 0 ? 0 : status.st_dev,
                             result < 0 ? 0 : status.st_ino, file->mtime_ns,
                             file->size}};
  struct undo_state_of least = filling.file;
  if (undo->target->filled && !undo_filled_file(undo->target->filled, &least))
    return fail_write(undo, path, -ENOMEM, "its blocks");
  if (undo_entries_each_data(&undo->entries, file, fill_data, &filling))
    return -1;
  result = SYS(fstat, fd, &status);
  if (result < 0 || (uint64_t)status.st_size < least.size)
    return fail_write(undo, path, result, "it is shorter, by another hand");
  if ((result = SYS(ftruncate, fd, least.size)) < 0)
    return fail_write(undo, path, result, "truncating");
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                              {(time_t)(least.mtime_ns / NANOSECONDS),
                               (long)(least.mtime_ns % NANOSECONDS)}};
  if ((result = SYS(utimensat, fd, 0, times, 0)) < 0)
    return fail_write(undo, path, result, "its time of modification");
  return 0;
}

/* ---- contents ---- */

static bool fill_at(const struct undo *undo, struct undo_entry *entry,
                    const char *path) {
  struct identity there;
  uint64_t flags = O_WRONLY | O_NONBLOCK | O_NOCTTY;
  int fd = open_beneath(AT_FDCWD, path, flags);
  if (fd == -EACCES)
    fd = (int)own_mode_open(path, flags | O_CLOEXEC, BENEATH);
  if (fd < 0)
    return false;
  bool found = identify(fd, "", &there) && S_ISREG(there.mode) &&
               same_identity(&there, &entry->now);
  if (found)
    undo_fill(undo, &entry->record, fd, path);
  entry->filled |= found;
  SYS(close, fd);
  return found;
}

/* Whether the path led to nothing, or elsewhere, when the stretch began. */
static bool was_made_since(const struct undo_stretch *stretch,
                           const struct undo_record *file) {
  const struct undo_entry *name = undo_stretch_name(stretch, file->path);
  struct identity one = name ? identity_of(&name->record) : identity_of(file);
  struct identity other = identity_of(file);
  return name && (!name->record.mode || !same_identity(&one, &other));
}

/* Names lead where they led. */
static void undo_content(const struct undo *undo,
                         const struct undo_stretch *stretch,
                         struct undo_entry *entry) {
  const struct undo_record *file = &entry->record;
  const struct undo_entry *home;
  size_t place = 0;
  while (!entry->filled &&
         (home = undo_entries_home(&undo->entries, file, stretch->begin,
                                   stretch->end, &place)))
    fill_at(undo, entry, home->record.path);
  if (!entry->filled && !fill_at(undo, entry, file->path) &&
      !was_made_since(stretch, file))
    undo_warn(undo, file->path, 0, "another file is in its place, or none");
}

/* Says so, unless the file is seen to be what it was. */
static void say_left(const struct undo *undo, const struct undo_record *left) {
  struct stat status;
  const char *last;
  int parent = undo_open_parent(left->path, &last);
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
    undo_warn(undo, left->path, 0,
              "it is mapped, and was too large to be kept");
  else if (!same)
    undo_warn(undo, left->path, 0,
              "too much of it was changed to be kept, or it may not be read");
}

static void say_unseen(const struct undo *undo,
                       const struct undo_record *unseen) {
  static const char *const why[] = {
      [UNSEEN_NO_RUNTIME] = "it has no runtime that would see it",
      [UNSEEN_ELSEWHERE] = "it has another root or mount namespace",
      [UNSEEN_NO_ANSWER] = "the first process did not answer it in time",
      [UNSEEN_FILTER] = "it filters its system calls",
      [UNSEEN_NETWORK] = "it went to another network namespace",
      [UNSEEN_SUCCESSOR] = "it took the place of the first process",
      [UNSEEN_LEFT] = "it ended by itself, and other processes went on",
      [UNSEEN_NOT_HEARD] = "other processes could not reach it",
  };
  struct hwckpt_error error;
  bool known = unseen->mode && unseen->mode < sizeof why / sizeof *why;
  hwckpt_fail(&error, HWCKPT_E_CHANGES_NOT_SEEN, 0, unseen->path, "%s",
              known ? why[unseen->mode] : "");
  undo->target->warn(&error);
}

/* Where contents were noted files may have no other name than one that goes; so
 * what is found there is filled first, and before that is seen what changed. */
static void take_stretch_back(struct undo *undo, struct undo_stretch *stretch) {
  struct undo_entry *at = undo->entries.at;
  for (size_t i = stretch->end; i-- > stretch->begin;)
    if (at[i].record.kind == UNDO_LEFT)
      say_left(undo, &at[i].record);
    else if (at[i].record.kind == UNDO_UNSEEN)
      say_unseen(undo, &at[i].record);
  for (size_t i = stretch->end; i-- > stretch->begin;)
    if (at[i].record.kind == UNDO_FILE)
      fill_at(undo, &at[i], at[i].record.path);
  undo_settle(undo, stretch);
  for (size_t i = stretch->end; i-- > stretch->begin;)
    if (at[i].record.kind == UNDO_FILE)
      undo_content(undo, stretch, &at[i]);
}

static int say_replaced(const struct undo *undo, uint64_t number,
                        uint64_t *length) {
  int result = 0;
  for (size_t i = 0; result >= 0 && i < undo->replacements.count; i++) {
    struct replaced *replaced = &undo->replacements.at[i];
    if (replaced->said_in == number)
      continue;
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
    result = cache_undo_append(undo->target->cache, undo->target->application,
                               number, length, &record, undo->error);
    replaced->said_in = number;
  }
  return result;
}

/* Whoever is killed from here on does not begin anew: the paths behind would
 * lead through other folders. */
static int say_done(const struct undo *undo, uint64_t number, uint64_t *length,
                    const struct undo_entry *mark) {
  const struct undo_record record = {.kind = UNDO_DONE, .offset = mark->at};
  int result = say_replaced(undo, number, length);
  return result < 0
             ? result
             : cache_undo_append(undo->target->cache, undo->target->application,
                                 number, length, &record, undo->error);
}

/* One stretch after the other, the last first. */
static int take_stretches_back(struct undo *undo, uint64_t number) {
  struct undo_entries *entries = &undo->entries;
  uint64_t length = entries->length;
  int result = 0;
  for (size_t end = entries->left, begin; result == 0 && end > 0;
       end = begin - 1) {
    struct undo_stretch stretch;
    for (begin = end;
         begin > 0 && entries->at[begin - 1].record.kind != UNDO_FOLDERS;)
      begin--;
    if (undo_stretch_open(&stretch, entries, begin, end, undo_look_at))
      take_stretch_back(undo, &stretch);
    else
      result = no_memory(undo);
    undo_stretch_free(&stretch);
    if (begin == 0)
      break;
    if (result == 0)
      result = say_done(undo, number, &length, &entries->at[begin - 1]);
  }
  return result;
}

/* The newest log; no other. */
static int take_back(uint64_t number, const void *log, size_t length,
                     void *context) {
  struct undo *undo = context;
  int result = undo_entries_read(undo->env, &undo->entries, log, length,
                                 &undo->replacements) == UNDO_READ_NO_MEMORY
                   ? no_memory(undo)
                   : take_stretches_back(undo, number);
  undo_entries_free(&undo->entries);
  return result < 0 ? result : 1;
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

/* Says in the log before this one what was made in the place of what, also if
 * that leads back to older generations only: they may be restored another time.
 */
static int hand_on(const struct undo *undo, uint64_t number) {
  struct older older = {.undo = undo, .before = number};
  int result =
      undo->replacements.count
          ? cache_undo_each(undo->target->cache, undo->target->application,
                            find_older, &older, undo->error)
          : 0;
  if (result >= 0 && older.number)
    result = say_replaced(undo, older.number, &older.length);
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

/* Logs are not made durable, nor is their removal: with another start of the
 * machine between, any part of them may be what is left, also none. */
static void say_restarted(const struct undo_target *target) {
  struct hwckpt_error warning;
  hwckpt_fail(&warning, HWCKPT_E_FILES_UNCERTAIN, 0, target->application,
              "generation %llu", (unsigned long long)target->generation);
  target->warn(&warning);
}

int undo_files(const struct undo_target *target, bool keep,
               struct hwckpt_error *error) {
  struct undo undo = {
      .target = target, .env = target->cache->env, .error = error};
  if (target->restarted && !keep)
    say_restarted(target);
  int result = undo_find_logs(&undo);
  if (result >= 0 && undo.last && !keep && !undo.broken)
    result = take_all_back(&undo);
  else if (result >= 0 && undo.last)
    result = cache_undo_remove(target->cache, target->application, undo.first,
                               undo.last, error);
  replacements_free(undo.env, &undo.replacements);
  return result < 0 ? result : 0;
}
