/* undo_settle.c - what the names of a stretch of an undo log led to is brought
 * about.
 *
 * First what is there still goes home, folders before what was in them, which
 * are made again where they are gone; then goes what was not there, folders
 * behind what is in them; then files that are gone are made again. So nothing
 * that belongs somewhere is overwritten or removed, and each step is one that
 * the next try need not know of: it finds what is home, what is not, and what
 * is gone.
 */
#include "undo_back_private.h"

#include "../arch/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#define TEMPORARY ".hwckpt-undo"

/* A name, and the folder it is in. */
struct spot {
  const struct undo_entry *entry;
  int parent;
  const char *last;
  bool occupied;
  struct identity there;
};

static bool find_spot(const struct undo_entry *entry, struct spot *spot) {
  spot->entry = entry;
  spot->parent = undo_open_parent(entry->record.path, &spot->last);
  spot->occupied =
      spot->parent >= 0 && identify(spot->parent, spot->last, &spot->there);
  return spot->parent >= 0;
}

static void end_spot(const struct spot *spot) {
  if (spot->parent >= 0)
    SYS(close, spot->parent);
}

static bool is_home(const struct undo_entry *entry) {
  struct identity there;
  return undo_look_at(entry->record.path, &there) &&
         same_identity(&there, &entry->now);
}

/* Whether the file has its place elsewhere, and is not there. */
static bool is_missed(const struct undo_stretch *stretch,
                      const struct identity *file) {
  const struct undo_entry *home;
  for (size_t place = 0; (home = undo_stretch_home(stretch, file, &place));)
    if (!is_home(home))
      return true;
  return false;
}

/* ---- what is there goes home ---- */

/* What has its place keeps existing, under the name this one had. */
static void move_home(struct undo *undo, struct undo_stretch *stretch,
                      const struct spot *spot, const struct undo_entry *from) {
  const char *last;
  int parent = undo_open_parent(from->record.path, &last);
  long result = parent;
  if (result >= 0)
    result = SYS(renameat2, parent, last, spot->parent, spot->last,
                 spot->occupied ? RENAME_EXCHANGE : RENAME_NOREPLACE);
  if (result < 0)
    undo_warn(undo, spot->entry->record.path, result, "renaming it back");
  if (parent >= 0)
    SYS(close, parent);
  if (result < 0)
    return;
  undo_stretch_moved(stretch, &spot->entry->now, from, spot->entry);
  if (spot->occupied)
    undo_stretch_moved(stretch, &spot->there, spot->entry, from);
}

static void note_replaced(struct undo *undo, const struct undo_record *name,
                          const struct identity *made) {
  struct identity then = identity_of(name);
  if (!replacements_add(undo->env, &undo->replacements, &then, made))
    undo_warn(undo, name->path, -ENOMEM, "noting what has its place");
  undo_entries_replace(&undo->entries, &then, made);
}

static void go_home(struct undo *undo, struct undo_stretch *stretch,
                    const struct undo_entry *entry, bool folder);

/* What stands there makes room: it goes home itself, or nobody misses it. */
static void clear_for_folder(struct undo *undo, struct undo_stretch *stretch,
                             struct spot *spot) {
  size_t place = 0;
  const struct undo_entry *home =
      undo_stretch_home(stretch, &spot->there, &place);
  if (home && home != spot->entry)
    go_home(undo, stretch, home, false);
  spot->occupied = identify(spot->parent, spot->last, &spot->there);
  if (spot->occupied && !S_ISDIR(spot->there.mode) &&
      !is_missed(stretch, &spot->there))
    SYS(unlinkat, spot->parent, spot->last, 0);
}

static void make_folder(struct undo *undo, struct undo_stretch *stretch,
                        struct spot *spot) {
  const struct undo_record *name = &spot->entry->record;
  struct identity made;
  if (spot->occupied &&
      (!S_ISDIR(spot->there.mode) || is_missed(stretch, &spot->there)))
    clear_for_folder(undo, stretch, spot);
  long result = 0;
  if (!spot->occupied || !S_ISDIR(spot->there.mode))
    result = SYS(mkdirat, spot->parent, spot->last, 0700);
  if (result == 0)
    result = SYS(fchmodat, spot->parent, spot->last, name->mode & 07777);
  if (result == 0)
    SYS(fchownat, spot->parent, spot->last, name->user, name->group,
        AT_SYMLINK_NOFOLLOW);
  if (result == 0 && identify(spot->parent, spot->last, &made))
    note_replaced(undo, name, &made);
  if (result < 0)
    undo_warn(undo, name->path, result, "making the directory again");
}

static void go_home(struct undo *undo, struct undo_stretch *stretch,
                    const struct undo_entry *entry, bool folder) {
  struct spot spot;
  if (!find_spot(entry, &spot)) {
    if (folder)
      undo_warn(undo, entry->record.path, spot.parent, "its directory");
    return;
  }
  if (!spot.occupied || !same_identity(&spot.there, &entry->now)) {
    const struct undo_entry *from = undo_stretch_place(stretch, &entry->now);
    if (from)
      move_home(undo, stretch, &spot, from);
    else if (folder && S_ISDIR(entry->record.mode))
      make_folder(undo, stretch, &spot);
  }
  end_spot(&spot);
}

/* ---- what was not there goes ---- */

static void take_away(const struct undo *undo,
                      const struct undo_stretch *stretch,
                      const struct undo_entry *entry) {
  struct spot spot;
  if (!find_spot(entry, &spot))
    return;
  /* What could not be moved home stays, as was said. */
  if (spot.occupied && !is_missed(stretch, &spot.there)) {
    long result = SYS(unlinkat, spot.parent, spot.last,
                      S_ISDIR(spot.there.mode) ? AT_REMOVEDIR : 0);
    if (result < 0)
      undo_warn(undo, entry->record.path, result, "removing it");
  }
  end_spot(&spot);
}

/* ---- what is gone is made again, beside its name, then moved there ---- */

static bool put_there(const struct undo *undo, const struct spot *spot,
                      const char *what) {
  if (spot->occupied && S_ISDIR(spot->there.mode))
    SYS(unlinkat, spot->parent, spot->last, AT_REMOVEDIR);
  long result =
      SYS(renameat, spot->parent, TEMPORARY, spot->parent, spot->last);
  if (result < 0) {
    undo_warn(undo, spot->entry->record.path, result, what);
    SYS(unlinkat, spot->parent, TEMPORARY, 0);
  }
  return result == 0;
}

/* Where the file is, by a name in the log or one that it was changed by; null:
 * not known. */
static const char *find_other(const struct undo *undo,
                              const struct undo_stretch *stretch,
                              const struct undo_entry *entry) {
  const struct undo_entry *other;
  struct identity there;
  size_t place = 0;
  while ((other = undo_entries_home(&undo->entries, &entry->record,
                                    stretch->begin, stretch->end, &place)))
    if (other != entry && is_home(other))
      return other->record.path;
  other = undo_entries_find(&undo->entries, UNDO_FILE, &entry->record);
  return other && undo_look_at(other->record.path, &there) &&
                 same_identity(&there, &entry->now)
             ? other->record.path
             : NULL;
}

/* One that has its other name. */
static bool link_to_other(struct undo *undo, const struct undo_stretch *stretch,
                          const struct spot *spot) {
  const char *last, *other = find_other(undo, stretch, spot->entry);
  if (!other)
    return false;
  int parent = undo_open_parent(other, &last);
  long result = parent;
  if (result >= 0)
    result = SYS(linkat, parent, last, spot->parent, TEMPORARY, 0);
  if (parent >= 0)
    SYS(close, parent);
  return result >= 0 && put_there(undo, spot, "linking it again");
}

/* Whether it was changed before it lost one of its names, and may have others
 * that nobody knew. */
static bool may_be_elsewhere(const struct undo *undo,
                             const struct undo_record *name) {
  struct undo_record spare = *name;
  size_t place = 0, count = undo->entries.count;
  spare.device |= UNDO_SPARE;
  return undo_entries_find(&undo->entries, UNDO_WHOLE, &spare) &&
         undo_entries_home(&undo->entries, name, 0, count, &place) &&
         !undo_entries_home(&undo->entries, name, 0, count, &place);
}

static void finish_again(struct undo *undo, const struct spot *spot,
                         struct undo_entry *file, int fd) {
  const struct undo_record *name = &spot->entry->record;
  struct identity made;
  long result = SYS(fchown, fd, name->user, name->group);
  if (result < 0 && result != -EPERM)
    undo_warn(undo, name->path, result, "its owner");
  if (undo_fill(undo, &file->record, fd, name->path))
    return;
  result = SYS(fchmod, fd, name->mode & 07777);
  if (result >= 0 && !identify(fd, "", &made))
    result = -ENOENT;
  if (result < 0) {
    undo_warn(undo, name->path, result, "making it again");
    return;
  }
  if (!put_there(undo, spot, "making it again"))
    return;
  file->filled = true;
  if (file->record.device & UNDO_SPARE) /* its other names are there */
    return;
  if (may_be_elsewhere(undo, name))
    undo_warn(undo, name->path, 0,
              "it is a file of its own now; by its other names it is as it was "
              "changed");
  note_replaced(undo, name, &made);
}

/* Its UNDO_FILE; null: not all that it held is in the log. */
static struct undo_entry *find_whole(const struct undo *undo,
                                     const struct undo_record *of) {
  struct undo_entry *file = undo_entries_find(&undo->entries, UNDO_FILE, of);
  return file && (!file->record.size ||
                  undo_entries_find(&undo->entries, UNDO_WHOLE, of))
             ? file
             : NULL;
}

static void make_file(struct undo *undo, const struct spot *spot) {
  const struct undo_record *name = &spot->entry->record;
  struct undo_record spare = *name;
  spare.device |= UNDO_SPARE;
  struct undo_entry *file = find_whole(undo, name);
  if (!file && !(file = find_whole(undo, &spare))) {
    undo_warn(undo, name->path, 0, "it is gone, and was not kept");
    return;
  }
  int fd = (int)SYS(openat, spot->parent, TEMPORARY,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    undo_warn(undo, name->path, fd, "making it again");
    return;
  }
  finish_again(undo, spot, file, fd);
  SYS(close, fd);
  SYS(unlinkat, spot->parent, TEMPORARY, 0);
}

static void make_symbolic_link(struct undo *undo, const struct spot *spot) {
  const struct undo_record *name = &spot->entry->record;
  struct identity made;
  char target[UNDO_PATH_MAX];
  size_t length =
      name->length < sizeof(target) ? name->length : sizeof(target) - 1;
  memcpy(target, name->data, length);
  target[length] = 0;
  long result = SYS(symlinkat, target, spot->parent, TEMPORARY);
  if (result < 0)
    undo_warn(undo, name->path, result, "making the symbolic link again");
  else if (put_there(undo, spot, "making the symbolic link again") &&
           identify(spot->parent, spot->last, &made))
    note_replaced(undo, name, &made);
}

/* The owner and mode of what was just made, if it is that still. */
static long finish_fifo(const struct spot *spot, struct identity *made) {
  const struct undo_record *name = &spot->entry->record;
  char path[48];
  long fd =
      SYS(openat, spot->parent, TEMPORARY, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  hwckpt_format(path, sizeof path, "/proc/thread-self/fd/%d", (int)fd);
  long result =
      identify((int)fd, "", made) && S_ISFIFO(made->mode) ? 0 : -ENOENT;
  if (result == 0)
    result = SYS(fchownat, fd, "", name->user, name->group, AT_EMPTY_PATH);
  if (result == 0 || result == -EPERM)
    result = SYS(fchmodat, AT_FDCWD, path, name->mode & 07777);
  SYS(close, fd);
  return result;
}

static void make_fifo(struct undo *undo, const struct spot *spot) {
  static const char what[] = "making the FIFO again";
  const struct undo_record *name = &spot->entry->record;
  struct identity made;
  long result = SYS(mknodat, spot->parent, TEMPORARY, S_IFIFO | 0600, 0);
  if (result == 0)
    result = finish_fifo(spot, &made);
  if (result < 0)
    undo_warn(undo, name->path, result, what);
  else if (put_there(undo, spot, what))
    note_replaced(undo, name, &made);
  SYS(unlinkat, spot->parent, TEMPORARY, 0);
}

static void make_kind(struct undo *undo, const struct spot *spot) {
  mode_t mode = spot->entry->record.mode;
  bool same_kind =
      spot->occupied && (spot->there.mode & S_IFMT) == (mode & S_IFMT);
  if (S_ISREG(mode))
    make_file(undo, spot);
  else if (S_ISLNK(mode))
    make_symbolic_link(undo, spot);
  else if (S_ISFIFO(mode) && !same_kind)
    make_fifo(undo, spot);
  else if (!same_kind)
    /* A socket is there again as it was bound again. */
    undo_warn(undo, spot->entry->record.path, 0,
              "it is gone, and no regular file");
}

static void make_again(struct undo *undo, const struct undo_stretch *stretch,
                       const struct undo_entry *entry) {
  const struct undo_record *name = &entry->record;
  struct spot spot;
  bool found = find_spot(entry, &spot);
  if (!found || (spot.occupied && same_identity(&spot.there, &entry->now)) ||
      S_ISDIR(name->mode)) { /* what there was to say is said */
    end_spot(&spot);
    return;
  }
  SYS(unlinkat, spot.parent, TEMPORARY, 0);
  if (spot.occupied && is_missed(stretch, &spot.there))
    undo_warn(undo, name->path, 0, "another file is in its place");
  else if (!link_to_other(undo, stretch, &spot))
    make_kind(undo, &spot);
  end_spot(&spot);
}

/* ---- all of it ---- */

void undo_settle(struct undo *undo, struct undo_stretch *stretch) {
  const struct undo_entry *at = undo->entries.at;
  const size_t *by_path = stretch->by_path, count = stretch->names;
  for (size_t i = 0; i < count; i++)
    if (S_ISDIR(at[by_path[i]].record.mode))
      go_home(undo, stretch, &at[by_path[i]], true);
  for (size_t i = 0; i < count; i++)
    if (at[by_path[i]].record.mode && !S_ISDIR(at[by_path[i]].record.mode))
      go_home(undo, stretch, &at[by_path[i]], true);
  for (size_t i = count; i-- > 0;)
    if (!at[by_path[i]].record.mode)
      take_away(undo, stretch, &at[by_path[i]]);
  for (size_t i = 0; i < count; i++)
    if (at[by_path[i]].record.mode)
      make_again(undo, stretch, &at[by_path[i]]);
}
