/* undo_paths.c - what may be there again once logs are taken back. See
 * undo_back.h.
 *
 * Paths lie one behind the other: what is known of each (struct known), then
 * the path with its NUL. A file with several names is known by one of them.
 */
#include "undo_back_private.h"

#include "directory.h"

#include <errno.h>
#include <string.h>

struct known {
  bool content;         /* of a file that was cut, or grew; else a name */
  bool is_there;        /* the file, by that path */
  struct identity file; /* of content */
};

struct collecting {
  struct undo undo;
  struct undo_paths *paths;
  bool short_of_memory;
};

static int find_end(const struct undo_record *data, void *context) {
  return undo_end_of_data(data) == *(uint64_t *)context;
}

static bool add_path(struct undo_paths *paths, const char *path,
                     const struct known *known) {
  return buffer_append(paths->env, &paths->list, known, sizeof *known) &&
         buffer_append(paths->env, &paths->list, path, strlen(path) + 1);
}

/* Whether the log has its end: it can be made as long as it was. */
static bool has_end(const struct undo_entries *entries,
                    const struct undo_entry *file) {
  uint64_t size = file->record.size;
  return undo_entries_each_data(entries, &file->record, find_end, &size);
}

static bool add_entry(struct collecting *collecting,
                      const struct undo_entry *entry) {
  const struct undo_record *record = &entry->record;
  struct known known = {.content = record->kind == UNDO_FILE};
  struct identity there;
  if (record->kind != UNDO_NAME &&
      !(known.content && has_end(&collecting->undo.entries, entry)))
    return true;
  if (known.content) {
    known.file = entry->now;
    known.is_there = undo_look_at(record->path, &there) &&
                     same_identity(&there, &entry->now);
  }
  return add_path(collecting->paths, record->path, &known);
}

static int collect(uint64_t number, const void *log, size_t length,
                   void *context) {
  struct collecting *collecting = context;
  struct undo *undo = &collecting->undo;
  if (number < undo->first)
    return 1;
  bool good = undo_entries_read(undo->env, &undo->entries, log, length,
                                &undo->replacements) != UNDO_READ_NO_MEMORY;
  for (size_t i = 0; good && i < undo->entries.count; i++)
    good = add_entry(collecting, &undo->entries.at[i]);
  undo_entries_free(&undo->entries);
  collecting->short_of_memory |= !good;
  return good ? 0 : 1;
}

int undo_paths_add(struct undo_paths *paths, const struct undo_target *target,
                   struct hwckpt_error *error) {
  paths->env = target->cache->env;
  struct collecting collecting = {
      .undo = {.target = target,
               .env = paths->env,
               .error = error,
               .quiet = true},
      .paths = paths,
  };
  struct undo *undo = &collecting.undo;
  int result = undo_find_logs(undo);
  if (result >= 0 && undo->last && !undo->broken)
    result = cache_undo_each(target->cache, target->application, collect,
                             &collecting, error);
  replacements_free(undo->env, &undo->replacements);
  if (collecting.short_of_memory)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "undo log", "%s",
                       target->application);
  return result < 0 ? result : 0;
}

void undo_paths_close(struct undo_paths *paths) {
  if (paths->env)
    buffer_free(paths->env, &paths->list);
  *paths = (struct undo_paths){0};
}

/* The path at *at, which is moved behind it; null: no more. */
static const char *next(const struct undo_paths *paths, size_t *at,
                        struct known *known) {
  if (!paths || *at >= paths->list.length)
    return NULL;
  const char *path = (const char *)paths->list.data + *at + sizeof *known;
  memcpy(known, path - sizeof *known, sizeof *known);
  *at += sizeof *known + strlen(path) + 1;
  return path;
}

/* Whether a name in the logs is that of the file, or of a directory it is in.
 */
static bool is_above(const char *name, const char *path) {
  while (*name && *name == *path)
    name++, path++;
  return !*name && (*path == '/' || !*path);
}

/* Whether the content is that of the file, perhaps known by another name; where
 * it has that no more, it gets it back. */
static bool may_fill(const struct undo_paths *paths, const struct known *known,
                     const char *name, const struct identity *file) {
  return known->content && same_identity(&known->file, file) &&
         (known->is_there || undo_may_move(paths, name));
}

bool undo_may_bring(const struct undo_paths *paths, const char *path,
                    bool shorter) {
  const char *name;
  struct known known;
  struct identity file;
  if (undo_may_move(paths, path))
    return true;
  if (!shorter || *path != '/' || strlen(path) >= UNDO_PATH_MAX ||
      !undo_look_at(path, &file))
    return false;
  for (size_t at = 0; (name = next(paths, &at, &known));)
    if (may_fill(paths, &known, name, &file))
      return true;
  return false;
}

bool undo_may_move(const struct undo_paths *paths, const char *path) {
  const char *name;
  struct known known;
  for (size_t at = 0; (name = next(paths, &at, &known));)
    if (!known.content && is_above(name, path))
      return true;
  return false;
}
