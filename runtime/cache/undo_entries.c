/* undo_entries.c - see undo_entries.h. */
#include "undo_entries.h"

#include "../arch/sys.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define NANOSECONDS 1000000000ull

/* ---- identities ---- */

int compare_identity(const struct identity *a, const struct identity *b) {
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
  if (SYS(statx, directory, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
          STATX_BASIC_STATS | STATX_BTIME, &status) < 0)
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

/* Room for one at least. */
static void *array(const struct cache_env *env, size_t count, size_t size) {
  return env->map((count + 1) * size);
}

static void free_array(const struct cache_env *env, void *memory, size_t count,
                       size_t size) {
  if (memory)
    env->unmap(memory, (count + 1) * size);
}

/* ---- sorting ---- */

static void swap_rows(char *a, char *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    char byte = a[i];
    a[i] = b[i];
    b[i] = byte;
  }
}

static void sink_row(char *rows, size_t at, size_t count, size_t size,
                     compare_rows *compare, const void *context) {
  for (size_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count &&
        compare(rows + child * size, rows + (child + 1) * size, context) < 0)
      child++;
    if (compare(rows + at * size, rows + child * size, context) >= 0)
      return;
    swap_rows(rows + at * size, rows + child * size, size);
  }
}

/* A heap. */
void sort_rows(void *memory, size_t count, size_t size, compare_rows *compare,
               const void *context) {
  char *rows = memory;
  for (size_t at = count / 2; at-- > 0;)
    sink_row(rows, at, count, size, compare, context);
  for (size_t left = count; left > 1; left--) {
    swap_rows(rows, rows + (left - 1) * size, size);
    sink_row(rows, 0, left - 1, size, compare, context);
  }
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
one_replacement_of(const struct replacements *replacements,
                   const struct identity *then) {
  size_t at = replacement_at(replacements, then);
  return at < replacements->count &&
                 compare_identity(&replacements->at[at].then, then) == 0
             ? &replacements->at[at].now
             : NULL;
}

/* The last: what was made in a place may have gone as well. Where files have no
 * time of birth numbers of inodes may lead in a circle. */
static const struct identity *
replacement_of(const struct replacements *replacements,
               const struct identity *then) {
  const struct identity *now = one_replacement_of(replacements, then), *next;
  for (size_t i = 0;
       now && i < replacements->count && compare_identity(now, then) != 0 &&
       (next = one_replacement_of(replacements, now));
       i++)
    now = next;
  return now;
}

bool replacements_add(const struct cache_env *env,
                      struct replacements *replacements,
                      const struct identity *then, const struct identity *now) {
  size_t at = replacement_at(replacements, then);
  if (!one_replacement_of(replacements, then)) {
    if (!buffer_reserve(env, &replacements->room,
                        (replacements->count + 1) * sizeof *replacements->at))
      return false;
    replacements->at = replacements->room.data;
    replacements->room.length += sizeof *replacements->at;
    memmove(replacements->at + at + 1, replacements->at + at,
            (replacements->count - at) * sizeof *replacements->at);
    replacements->count++;
  }
  replacements->at[at] = (struct replaced){*then, *now, 0};
  return true;
}

void replacements_free(const struct cache_env *env,
                       struct replacements *replacements) {
  buffer_free(env, &replacements->room);
  *replacements = (struct replacements){0};
}

/* ---- reading ---- */

static int by_file(const void *a, const void *b, const void *context) {
  const struct undo_entries *sorted = context;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  struct identity one = identity_of(&sorted->at[i].record);
  struct identity other = identity_of(&sorted->at[j].record);
  int result = compare_identity(&one, &other);
  return result ? result : i < j ? -1 : i > j;
}

static bool sort(struct undo_entries *entries) {
  entries->by_file =
      array(entries->env, entries->count, sizeof *entries->by_file);
  if (!entries->by_file)
    return false;
  for (size_t i = 0; i < entries->count; i++)
    entries->by_file[i] = i;
  sort_rows(entries->by_file, entries->count, sizeof *entries->by_file, by_file,
            entries);
  return true;
}

static bool take(struct undo_entries *entries, const struct undo_record *record,
                 size_t at, struct replacements *replacements) {
  if (record->kind == UNDO_BEGIN) {
    entries->begun = true;
    entries->generation = record->offset;
    entries->lost |= record->mode != 0;
    return true;
  }
  if (record->kind == UNDO_INSTEAD) {
    struct identity then = identity_of(record);
    const struct identity now = {record->offset, record->size, record->mtime_ns,
                                 record->mode};
    return replacements_add(entries->env, replacements, &then, &now);
  }
  if (record->kind == UNDO_DONE) {
    while (entries->left > 0 &&
           entries->at[entries->left - 1].at >= record->offset)
      entries->left--;
    return true;
  }
  const struct undo_entry entry = {.record = *record, .at = at};
  if (!buffer_append(entries->env, &entries->room, &entry, sizeof entry))
    return false;
  entries->at = entries->room.data;
  entries->left = ++entries->count;
  return true;
}

enum undo_read undo_entries_read(const struct cache_env *env,
                                 struct undo_entries *entries, const void *log,
                                 size_t length,
                                 struct replacements *replacements) {
  struct undo_record record;
  int decoded;
  *entries = (struct undo_entries){.env = env};
  for (size_t at = 0;
       (decoded = undo_decode(log, length, &entries->length, &record)) == 1;
       at = entries->length)
    if (!take(entries, &record, at, replacements))
      return UNDO_READ_NO_MEMORY;
  for (size_t i = 0; i < entries->count; i++) {
    struct undo_entry *entry = &entries->at[i];
    entry->now = identity_of(&entry->record);
    const struct identity *now = replacement_of(replacements, &entry->now);
    if (now)
      entry->now = *now;
  }
  if (!sort(entries))
    return UNDO_READ_NO_MEMORY;
  return decoded == 0 ? UNDO_READ_WHOLE : UNDO_READ_DAMAGED;
}

void undo_entries_free(struct undo_entries *entries) {
  const struct cache_env *env = entries->env;
  if (!env)
    return;
  free_array(env, entries->by_file, entries->count, sizeof *entries->by_file);
  buffer_free(env, &entries->room);
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

struct undo_entry *undo_entries_find(const struct undo_entries *entries,
                                     enum undo_kind kind,
                                     const struct undo_record *of) {
  struct identity file = identity_of(of);
  struct undo_entry *entry;
  for (size_t at = first_of(entries, &file);
       (entry = entry_of(entries, at, &file)); at++)
    if (entry->record.kind == kind && (kind != UNDO_NAME || entry->record.mode))
      return entry;
  return NULL;
}

const struct undo_entry *undo_entries_home(const struct undo_entries *entries,
                                           const struct undo_record *of,
                                           size_t begin, size_t end,
                                           size_t *place) {
  struct identity file = identity_of(of);
  const struct undo_entry *entry;
  if (!*place)
    *place = first_of(entries, &file) + 1;
  while ((entry = entry_of(entries, (*place)++ - 1, &file))) {
    size_t i = (size_t)(entry - entries->at);
    if (entry->record.kind == UNDO_NAME && entry->record.mode && i >= begin &&
        i < end)
      return entry;
  }
  return NULL;
}

uint64_t undo_end_of_data(const struct undo_record *data) {
  return data->offset + (data->kind == UNDO_ZEROS ? data->size : data->length);
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
    if (entry->record.kind == UNDO_DATA || entry->record.kind == UNDO_ZEROS)
      result = visit(&entry->record, context);
  return result;
}
