/* undo_entries.c - see undo_entries.h. */
#include "undo_entries.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define NANOSECONDS 1000000000ull

/* ---- identities ---- */

static int compare_identity(const struct identity *a,
                            const struct identity *b) {
  if (a->inode != b->inode)
    return a->inode < b->inode ? -1 : 1;
  if (a->device != b->device)
    return a->device < b->device ? -1 : 1;
  return a->birth_ns < b->birth_ns ? -1 : a->birth_ns > b->birth_ns;
}

bool same_identity(const struct identity *a, const struct identity *b) {
  return compare_identity(a, b) == 0 &&
         (!a->mode || !b->mode || (a->mode & S_IFMT) == (b->mode & S_IFMT));
}

struct identity identity_of(const struct undo_record *record) {
  return (struct identity){record->device, record->inode, record->birth_ns,
                           record->mode};
}

bool identify(int directory, const char *path, struct identity *identity) {
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

static void *grown(void *memory, size_t count, size_t *room, size_t size) {
  if (count < *room)
    return memory;
  *room = *room ? 2 * *room : 64;
  void *more = realloc(memory, *room * size);
  if (!more)
    abort();
  return more;
}

/* Room for one at least. */
static void *array(size_t count, size_t size) {
  void *memory = calloc(count + 1, size);
  if (!memory)
    abort();
  return memory;
}

/* ---- replacements, sorted by what was then ---- */

/* Where `then` is, or belongs. */
static size_t replacement_at(const struct replacements *replacements,
                             const struct identity *then) {
  size_t low = 0, high = replacements->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (compare_identity(&replacements->at[middle].then, then) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static const struct identity *
replacement_of(const struct replacements *replacements,
               const struct identity *then) {
  size_t at = replacement_at(replacements, then);
  return at < replacements->count &&
                 compare_identity(&replacements->at[at].then, then) == 0
             ? &replacements->at[at].now
             : NULL;
}

void replacements_add(struct replacements *replacements,
                      const struct identity *then, const struct identity *now) {
  size_t at = replacement_at(replacements, then);
  if (!replacement_of(replacements, then)) {
    replacements->at = grown(replacements->at, replacements->count,
                             &replacements->room, sizeof *replacements->at);
    memmove(replacements->at + at + 1, replacements->at + at,
            (replacements->count - at) * sizeof *replacements->at);
    replacements->count++;
  }
  replacements->at[at] = (struct replaced){*then, *now};
}

/* ---- reading ---- */

static const struct undo_entries *sorted; /* qsort() has no context */

static int by_file(const void *a, const void *b) {
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  struct identity one = identity_of(&sorted->at[i].record);
  struct identity other = identity_of(&sorted->at[j].record);
  int result = compare_identity(&one, &other);
  return result ? result : i < j ? -1 : i > j;
}

static int by_path(const void *a, const void *b) {
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  int result = strcmp(sorted->at[i].record.path, sorted->at[j].record.path);
  return result ? result : i < j ? -1 : i > j;
}

static void sort(struct undo_entries *entries) {
  entries->by_file = array(entries->count, sizeof *entries->by_file);
  entries->by_path = array(entries->count, sizeof *entries->by_path);
  entries->names = 0;
  for (size_t i = 0; i < entries->count; i++) {
    entries->by_file[i] = i;
    if (entries->at[i].record.kind == UNDO_NAME)
      entries->by_path[entries->names++] = i;
  }
  sorted = entries;
  qsort(entries->by_file, entries->count, sizeof *entries->by_file, by_file);
  qsort(entries->by_path, entries->names, sizeof *entries->by_path, by_path);
}

static void take(struct undo_entries *entries, const struct undo_record *record,
                 struct replacements *replacements) {
  if (record->kind == UNDO_BEGIN) {
    entries->generation = record->offset;
    entries->lost |= record->mode != 0;
  } else if (record->kind == UNDO_INSTEAD) {
    struct identity then = identity_of(record);
    const struct identity now = {record->offset, record->size, record->mtime_ns,
                                 record->mode};
    replacements_add(replacements, &then, &now);
  } else {
    entries->at =
        grown(entries->at, entries->count, &entries->room, sizeof *entries->at);
    entries->at[entries->count++].record = *record;
  }
}

bool undo_entries_read(struct undo_entries *entries, const void *log,
                       size_t length, struct replacements *replacements) {
  struct undo_record record;
  int decoded;
  *entries = (struct undo_entries){0};
  while ((decoded = undo_decode(log, length, &entries->length, &record)) == 1)
    take(entries, &record, replacements);
  for (size_t i = 0; i < entries->count; i++) {
    struct undo_entry *entry = &entries->at[i];
    entry->now = identity_of(&entry->record);
    const struct identity *now = replacement_of(replacements, &entry->now);
    if (now)
      entry->now = *now;
  }
  sort(entries);
  return decoded == 0;
}

void undo_entries_free(struct undo_entries *entries) {
  free(entries->at);
  free(entries->by_file);
  free(entries->by_path);
  free(entries->places);
  *entries = (struct undo_entries){0};
}

/* ---- by file ---- */

/* The first in by_file that is about the file. */
static size_t first_of(const struct undo_entries *entries,
                       const struct identity *of) {
  size_t low = 0, high = entries->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    struct identity there =
        identity_of(&entries->at[entries->by_file[middle]].record);
    if (compare_identity(&there, of) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The one at `at` in by_file, if it is about the file. */
static struct undo_entry *entry_of(const struct undo_entries *entries,
                                   size_t at, const struct identity *of) {
  if (at >= entries->count)
    return NULL;
  struct undo_entry *entry = &entries->at[entries->by_file[at]];
  struct identity there = identity_of(&entry->record);
  return compare_identity(&there, of) == 0 ? entry : NULL;
}

void undo_entries_replace(struct undo_entries *entries,
                          const struct identity *then,
                          const struct identity *now) {
  struct undo_entry *entry;
  for (size_t at = first_of(entries, then);
       (entry = entry_of(entries, at, then)); at++)
    entry->now = *now;
}

const struct undo_entry *undo_entries_find(const struct undo_entries *entries,
                                           enum undo_kind kind,
                                           const struct undo_record *of) {
  struct identity file = identity_of(of);
  const struct undo_entry *entry;
  for (size_t at = first_of(entries, &file);
       (entry = entry_of(entries, at, &file)); at++)
    if (entry->record.kind == kind && (kind != UNDO_NAME || entry->record.mode))
      return entry;
  return NULL;
}

int undo_entries_each_data(const struct undo_entries *entries,
                           const struct undo_record *of,
                           int (*visit)(const struct undo_record *data,
                                        void *context),
                           void *context) {
  struct identity file = identity_of(of);
  const struct undo_entry *entry;
  int result = 0;
  for (size_t at = first_of(entries, &file);
       !result && (entry = entry_of(entries, at, &file)); at++)
    if (entry->record.kind == UNDO_DATA)
      result = visit(&entry->record, context);
  return result;
}

/* ---- by name ---- */

const struct undo_entry *undo_entries_name(const struct undo_entries *entries,
                                           const char *path) {
  size_t low = 0, high = entries->names;
  while (low < high) {
    size_t middle = (low + high) / 2;
    const struct undo_entry *entry = &entries->at[entries->by_path[middle]];
    int result = strcmp(entry->record.path, path);
    if (result == 0)
      return entry;
    if (result < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

static bool leads_to(const struct undo_entries *entries,
                     const struct identity *then,
                     const struct identity *there) {
  const struct undo_entry *entry;
  for (size_t at = first_of(entries, then);
       (entry = entry_of(entries, at, then)); at++)
    if (entry->record.kind == UNDO_NAME && entry->record.mode &&
        same_identity(&entry->now, there))
      return true;
  return false;
}

bool undo_entries_lead_to(const struct undo_entries *entries,
                          const struct replacements *replacements,
                          const struct identity *there) {
  if (leads_to(entries, there, there))
    return true;
  for (size_t i = 0; i < replacements->count; i++)
    if (same_identity(&replacements->at[i].now, there) &&
        leads_to(entries, &replacements->at[i].then, there))
      return true;
  return false;
}

static int by_identity(const void *a, const void *b) {
  return compare_identity(a, b); /* first in its row */
}

static void find_places(struct undo_entries *entries,
                        bool (*look)(const char *path,
                                     struct identity *identity)) {
  entries->places = array(entries->names, sizeof *entries->places);
  for (size_t i = 0; i < entries->names; i++) {
    size_t name = entries->by_path[i];
    if (look(entries->at[name].record.path,
             &entries->places[entries->place_count].identity))
      entries->places[entries->place_count++].name = name;
  }
  qsort(entries->places, entries->place_count, sizeof *entries->places,
        by_identity);
}

static const char *still_there(const struct undo_entries *entries, size_t name,
                               const struct identity *wanted,
                               bool (*look)(const char *path,
                                            struct identity *identity)) {
  struct identity there;
  const char *path = entries->at[name].record.path;
  return look(path, &there) && same_identity(&there, wanted) ? path : NULL;
}

const char *undo_entries_whereabouts(struct undo_entries *entries,
                                     const struct undo_entry *of,
                                     bool (*look)(const char *path,
                                                  struct identity *identity)) {
  const char *path = NULL;
  if (!entries->places)
    find_places(entries, look);
  size_t low = 0, high = entries->place_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (compare_identity(&entries->places[middle].identity, &of->now) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  bool moved = false;
  for (; !path && low < entries->place_count &&
         compare_identity(&entries->places[low].identity, &of->now) == 0;
       low++) {
    path = still_there(entries, entries->places[low].name, &of->now, look);
    moved = !path;
  }
  /* What had the place of another was moved with it. */
  for (size_t i = 0; moved && !path && i < entries->names; i++)
    path = still_there(entries, entries->by_path[i], &of->now, look);
  return path;
}
