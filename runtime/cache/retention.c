/* retention.c - which generations are kept, and removing the others.
 *
 * Invariant: what is removed builds on a base older than all that is kept, and
 * deltas go before what they build on, so that a kill in the middle leaves no
 * generation without its base. Bases are ranked by the newest generation that
 * builds on them: after a restore of an old generation its chain is the living
 * one.
 */
#include "catalog.h"
#include "space.h"

/* The newest of `limit` and older; 0 when there is none. */
static uint64_t newest_below(const struct buffer *entries, uint64_t limit) {
  const struct catalog_entry *at = entries->data;
  uint64_t newest = 0;
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (at[i].base == at[i].number && at[i].base != 0 && at[i].newest < limit &&
        at[i].newest > newest)
      newest = at[i].newest;
  return newest;
}

/* Of a base: whether it is among the kept ones. */
static bool base_is_kept(const struct buffer *entries, uint64_t base,
                         uint64_t oldest_kept) {
  const struct catalog_entry *at = entries->data;
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (at[i].number == base)
      return at[i].newest >= oldest_kept;
  return true;
}

/* The lowest base that is kept. What cannot be restored and is older goes. */
static uint64_t lowest_kept(const struct buffer *entries,
                            uint64_t oldest_kept) {
  const struct catalog_entry *at = entries->data;
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (at[i].base == at[i].number && at[i].base != 0 &&
        at[i].newest >= oldest_kept)
      return at[i].number;
  return 0;
}

static int remove_generation(struct cache *cache, const char *application,
                             int directory, uint64_t number,
                             struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  char file[FORMAT_FILE_MAX];
  struct place place = {cache, application, file};
  format_generation_file(file, number, FORMAT_SUFFIX_GENERATION);
  int result = io->unlinkat(directory, file, 0);
  if (result < 0)
    return place_fail_io(&place, error, result, "unlink");
  /* Without its generation a count means nothing; most have none. */
  format_generation_file(file, number, FORMAT_SUFFIX_RESTORES);
  io->unlinkat(directory, file, 0);
  return 0;
}

static int remove_old(struct cache *cache, const char *application,
                      int directory, const struct buffer *entries,
                      uint64_t oldest_kept, bool *removed,
                      struct hwckpt_error *error) {
  const struct catalog_entry *at = entries->data;
  uint64_t lowest = lowest_kept(entries, oldest_kept);
  int result = 0;
  for (size_t i = entries->length / sizeof(*at); i-- > 0 && result == 0;) {
    bool old = at[i].base ? !base_is_kept(entries, at[i].base, oldest_kept)
                          : at[i].number < lowest;
    if (!old)
      continue;
    result =
        remove_generation(cache, application, directory, at[i].number, error);
    *removed = true;
  }
  if (!*removed || result < 0)
    return result;
  struct place place = {cache, application, NULL};
  int synced = cache->env->io->fsync(directory);
  return synced < 0 ? place_fail_io(&place, error, synced, "fsync") : 0;
}

int cache_retain(struct cache *cache, const char *application, unsigned keep,
                 struct hwckpt_error *error) {
  const struct cache_env *env = cache->env;
  struct buffer entries = {0};
  int directory, lock = -1;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = directory_lock(cache, application, directory, &lock, error);
  if (result == 0)
    result = catalog_read(cache, application, directory, &entries, NULL, NULL,
                          error);
  bool removed = false;
  if (result == 0) {
    uint64_t oldest_kept = UINT64_MAX;
    for (unsigned i = 0; i < (keep ? keep : 1) && oldest_kept; i++)
      oldest_kept = newest_below(&entries, oldest_kept);
    if (oldest_kept)
      result = remove_old(cache, application, directory, &entries, oldest_kept,
                          &removed, error);
  }
  /* Once a handle also what others left that died. */
  if (result == 0 && (removed || !cache->swept)) {
    cache->swept = true;
    result = space_free(cache, application, directory, lock, error);
  }
  buffer_free(env, &entries);
  directory_unlock(cache, lock);
  env->io->close(directory);
  return result;
}
