/* undo_stretch.c - see undo_stretch.h. */
#include "undo_stretch.h"

#include <string.h>

static const struct undo_entry *entry_at(const struct undo_stretch *stretch,
                                         size_t name) {
  return &stretch->entries->at[name];
}

/* ---- sorting ---- */

static int compare_text(const char *a, const char *b) {
  while (*a && *a == *b)
    a++, b++;
  return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

static int by_path(const void *a, const void *b, const void *context) {
  const struct undo_entry *entries = context;
  return compare_text(entries[*(const size_t *)a].record.path,
                      entries[*(const size_t *)b].record.path);
}

static int by_file(const void *a, const void *b, const void *context) {
  const struct undo_place *one = a, *other = b;
  (void)context;
  int result = compare_identity(&one->file, &other->file);
  return result                    ? result
         : one->name < other->name ? -1
                                   : one->name > other->name;
}

/* ---- all of it ---- */

static bool make_room(struct undo_stretch *stretch) {
  const struct cache_env *env = stretch->entries->env;
  size_t most = stretch->end - stretch->begin + 1;
  stretch->by_path = env->map(most * sizeof *stretch->by_path);
  stretch->homes = env->map(most * sizeof *stretch->homes);
  stretch->places = env->map(most * sizeof *stretch->places);
  return stretch->by_path && stretch->homes && stretch->places;
}

bool undo_stretch_open(struct undo_stretch *stretch,
                       struct undo_entries *entries, size_t begin, size_t end,
                       bool (*look)(const char *path,
                                    struct identity *identity)) {
  *stretch =
      (struct undo_stretch){.entries = entries, .begin = begin, .end = end};
  if (!make_room(stretch))
    return false;
  for (size_t i = begin; i < end; i++) {
    const struct undo_entry *entry = &entries->at[i];
    struct identity there;
    if (entry->record.kind != UNDO_NAME)
      continue;
    stretch->by_path[stretch->names++] = i;
    if (entry->record.mode)
      stretch->homes[stretch->home_count++] =
          (struct undo_place){entry->now, i};
    if (look(entry->record.path, &there))
      stretch->places[stretch->place_count++] = (struct undo_place){there, i};
  }
  sort_rows(stretch->by_path, stretch->names, sizeof *stretch->by_path, by_path,
            entries->at);
  sort_rows(stretch->homes, stretch->home_count, sizeof *stretch->homes,
            by_file, NULL);
  sort_rows(stretch->places, stretch->place_count, sizeof *stretch->places,
            by_file, NULL);
  return true;
}

static void unmap(const struct cache_env *env, void *memory, size_t bytes) {
  if (memory)
    env->unmap(memory, bytes);
}

void undo_stretch_free(struct undo_stretch *stretch) {
  const struct cache_env *env = stretch->entries->env;
  size_t most = stretch->end - stretch->begin + 1;
  unmap(env, stretch->by_path, most * sizeof *stretch->by_path);
  unmap(env, stretch->homes, most * sizeof *stretch->homes);
  unmap(env, stretch->places, most * sizeof *stretch->places);
}

/* ---- looking up ---- */

const struct undo_entry *undo_stretch_name(const struct undo_stretch *stretch,
                                           const char *path) {
  size_t low = 0, high = stretch->names;
  while (low < high) {
    size_t middle = (low + high) / 2;
    const struct undo_entry *entry =
        entry_at(stretch, stretch->by_path[middle]);
    int result = compare_text(entry->record.path, path);
    if (result == 0)
      return entry;
    if (result < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* The first that is about the file, or where it would be. */
static size_t first_of(const struct undo_place *rows, size_t count,
                       const struct identity *file) {
  size_t low = 0;
  while (low < count) {
    size_t middle = (low + count) / 2;
    if (compare_identity(&rows[middle].file, file) < 0)
      low = middle + 1;
    else
      count = middle;
  }
  return low;
}

const struct undo_entry *undo_stretch_home(const struct undo_stretch *stretch,
                                           const struct identity *file,
                                           size_t *place) {
  size_t at = first_of(stretch->homes, stretch->home_count, file) + (*place)++;
  return at < stretch->home_count &&
                 same_identity(&stretch->homes[at].file, file)
             ? entry_at(stretch, stretch->homes[at].name)
             : NULL;
}

static bool belongs(const struct undo_stretch *stretch,
                    const struct identity *file,
                    const struct undo_entry *there) {
  const struct undo_entry *home;
  for (size_t place = 0; (home = undo_stretch_home(stretch, file, &place));)
    if (home == there)
      return true;
  return false;
}

const struct undo_entry *undo_stretch_place(const struct undo_stretch *stretch,
                                            const struct identity *file) {
  for (size_t at = first_of(stretch->places, stretch->place_count, file);
       at < stretch->place_count &&
       same_identity(&stretch->places[at].file, file);
       at++) {
    const struct undo_entry *there =
        entry_at(stretch, stretch->places[at].name);
    if (!belongs(stretch, file, there))
      return there;
  }
  return NULL;
}

void undo_stretch_moved(struct undo_stretch *stretch,
                        const struct identity *file,
                        const struct undo_entry *from,
                        const struct undo_entry *to) {
  for (size_t at = first_of(stretch->places, stretch->place_count, file);
       at < stretch->place_count &&
       same_identity(&stretch->places[at].file, file);
       at++)
    if (entry_at(stretch, stretch->places[at].name) == from)
      stretch->places[at].name = (size_t)(to - stretch->entries->at);
}
