/* retention.c - which generations are kept, and removing the others.
 *
 * Invariant: what is removed builds on a base older than all that is kept, and
 * deltas go before what they build on, so that a kill in the middle leaves no
 * generation without its base; nothing is removed while somebody reads, who may
 * open it again, or for one whose index turns out to be damaged. Bases are
 * ranked by the newest generation that builds on them: after a restore of an
 * old generation its chain is the living one. The first in rank is never
 * removed, whatever the quota.
 */
#include "catalog.h"
#include "format.h"
#include "io.h"
#include "share.h"
#include "space.h"
#include "undo_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* The base with the newest generation below `limit`; null: there is none. */
static const struct catalog_entry *newest_below(const struct buffer *entries,
                                                uint64_t limit) {
  const struct catalog_entry *at = entries->data, *newest = NULL;
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (at[i].base == at[i].number && at[i].base != 0 && at[i].newest < limit &&
        (!newest || at[i].newest > newest->newest))
      newest = &at[i];
  return newest;
}

/* The newest generation of the last base that is kept; 0: none is there. A
 * clock that was put back makes nothing old. */
static uint64_t oldest_kept(const struct buffer *entries, uint64_t now_ns,
                            const struct cache_retention *retention) {
  uint64_t oldest = 0;
  for (unsigned rank = 0;; rank++) {
    const struct catalog_entry *base =
        newest_below(entries, oldest ? oldest : UINT64_MAX);
    if (!base)
      return oldest;
    bool young = retention->keep_for_ns &&
                 (base->newest_ns > now_ns ||
                  now_ns - base->newest_ns < retention->keep_for_ns);
    if (rank > 0 && rank >= retention->keep && !young)
      return oldest;
    oldest = base->newest;
  }
}

/* The same without the last: 0 when only one is left. */
static uint64_t one_less(const struct buffer *entries, uint64_t oldest) {
  uint64_t kept = 0;
  for (;;) {
    const struct catalog_entry *base =
        newest_below(entries, kept ? kept : UINT64_MAX);
    if (!base || base->newest == oldest)
      return kept;
    kept = base->newest;
  }
}

/* Of a base: whether it is among the kept ones. */
static bool base_is_kept(const struct buffer *entries, uint64_t base,
                         uint64_t oldest) {
  const struct catalog_entry *at = entries->data;
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (at[i].number == base)
      return at[i].newest >= oldest;
  return true;
}

/* The lowest base that is kept. What cannot be restored and is older goes. */
static uint64_t lowest_kept(const struct buffer *entries, uint64_t oldest) {
  const struct catalog_entry *at = entries->data;
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (at[i].base == at[i].number && at[i].base != 0 && at[i].newest >= oldest)
      return at[i].number;
  return 0;
}

/* What another application wrote, or a later hwckpt, may be wanted yet. */
static bool is_others(const struct catalog_entry *entry) {
  return entry->damage == HWCKPT_E_CACHE_OTHER ||
         entry->damage == HWCKPT_E_CACHE_VERSION;
}

static bool is_old(const struct buffer *entries,
                   const struct catalog_entry *entry, uint64_t oldest,
                   uint64_t lowest) {
  if (is_others(entry))
    return false;
  return entry->base ? !base_is_kept(entries, entry->base, oldest)
                     : entry->number < lowest;
}

static bool is_any_old(const struct buffer *entries, uint64_t oldest) {
  const struct catalog_entry *at = entries->data;
  uint64_t lowest = lowest_kept(entries, oldest);
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (is_old(entries, &at[i], oldest, lowest))
      return true;
  return false;
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
                      uint64_t oldest, bool *removed,
                      struct hwckpt_error *error) {
  const struct catalog_entry *at = entries->data;
  uint64_t lowest = lowest_kept(entries, oldest);
  int result = 0;
  if (!lowest) /* nothing is left of what was to be kept */
    return 0;
  for (size_t i = entries->length / sizeof(*at); i-- > 0 && result == 0;) {
    if (!is_old(entries, &at[i], oldest, lowest))
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

/* An application's directory under the writer's lock. */
struct retaining {
  struct cache *cache;
  const char *application;
  int directory, lock;
};

static int read_headers(const struct retaining *in, struct buffer *entries,
                        struct hwckpt_error *error) {
  return catalog_read(in->cache, in->application, in->directory, entries, NULL,
                      NULL, error);
}

static int read_indexes(const struct retaining *in, struct buffer *entries,
                        struct hwckpt_error *error) {
  entries->length = 0;
  return catalog_read_indexes(in->cache, in->application, in->directory,
                              entries, error);
}

/* Before anything goes for what is kept: headers say too little. */
static int read_for(const struct retaining *in, uint64_t oldest,
                    struct buffer *entries, struct hwckpt_error *error) {
  int result = read_headers(in, entries, error);
  return result == 0 && is_any_old(entries, oldest)
             ? read_indexes(in, entries, error)
             : result;
}

/* Removes what is older than the chain whose newest generation is `oldest`, but
 * nothing while somebody reads. */
static int remove_unread(const struct retaining *in, uint64_t oldest,
                         bool *removed, bool *read,
                         struct hwckpt_error *error) {
  struct buffer entries = {0};
  int readers;
  int result = space_exclude(in->cache, in->application, &readers, error);
  *read = readers < 0;
  if (result == 0 && !*read)
    result = read_for(in, oldest, &entries, error);
  if (result == 0 && !*read)
    result = remove_old(in->cache, in->application, in->directory, &entries,
                        oldest, removed, error);
  space_let_go(in->cache, readers);
  buffer_free(in->cache->env, &entries);
  return result;
}

static bool is_part(const char *name) {
  char application[CACHE_NAME_MAX];
  const char *part;
  return format_split_name(name, application, &part) && part;
}

/* Once a handle also what others left that died, and until it can be done what
 * could not. */
static int give_back(const struct retaining *in, bool *freed,
                     struct hwckpt_error *error) {
  int result = space_free(in->cache, in->application, in->directory, in->lock,
                          freed, error);
  in->cache->swept = result == 0 && *freed;
  return result;
}

/* The same, and gives their flash back; *freed is false when something could
 * not be. What parts had is given back with what the application has. */
static int cut(const struct retaining *in, uint64_t oldest, bool *freed,
               struct hwckpt_error *error) {
  struct cache *cache = in->cache;
  bool removed = false, read = false;
  int result = oldest ? remove_unread(in, oldest, &removed, &read, error) : 0;
  *freed = !read;
  if (result == 0 && removed)
    result = cache_undo_retain(cache, in->application, error);
  cache->swept = cache->swept && !removed;
  if (result == 0 && !read && !cache->swept && !is_part(in->application))
    result = give_back(in, freed, error);
  return result;
}

/* What there is, and the newest generation of the last base that is kept. */
static int look(const struct retaining *in,
                const struct cache_retention *retention, struct buffer *entries,
                uint64_t *oldest, struct hwckpt_error *error) {
  uint64_t now_ns = in->cache->env->io->realtime_ns();
  int result = read_headers(in, entries, error);
  *oldest = oldest_kept(entries, now_ns, retention);
  if (result == 0 && is_any_old(entries, *oldest)) {
    result = read_indexes(in, entries, error);
    *oldest = oldest_kept(entries, now_ns, retention);
  }
  return result;
}

static int fail_quota(const struct retaining *in, uint64_t quota,
                      struct hwckpt_error *error) {
  struct place place = {in->cache, in->application, NULL};
  return place_fail(&place, error, HWCKPT_E_CACHE_QUOTA, 0,
                    "the newest checkpoint, with what it builds on, takes "
                    "more than the quota of %llu bytes",
                    (unsigned long long)quota);
}

/* Of a quota: removes one base after the other, the oldest first, until the
 * rest fits, or nothing can be given back: the next time. */
static int fit(const struct retaining *in, uint64_t quota,
               struct hwckpt_error *error) {
  static const struct cache_retention all = {.keep = UINT_MAX};
  struct buffer entries = {0};
  bool freed = true;
  uint64_t used, oldest = 0;
  int result =
      space_used(in->cache, in->application, in->directory, &used, error);
  if (result == 0 && used > quota)
    result = read_indexes(in, &entries, error);
  if (result == 0 && used > quota)
    oldest = oldest_kept(&entries, 0, &all);
  while (result == 0 && used > quota && oldest && freed) {
    oldest = one_less(&entries, oldest);
    result =
        oldest ? cut(in, oldest, &freed, error) : fail_quota(in, quota, error);
    if (result == 0)
      result =
          space_used(in->cache, in->application, in->directory, &used, error);
  }
  buffer_free(in->cache->env, &entries);
  return result;
}

static int retain(const struct retaining *in,
                  const struct cache_retention *retention,
                  struct hwckpt_error *error) {
  struct cache *cache = in->cache;
  struct buffer entries = {0};
  uint64_t oldest, quota = 0;
  bool freed = false;
  int result = look(in, retention, &entries, &oldest, error);
  if (result == 0)
    result = cut(in, oldest, &freed, error);
  if (result == 0)
    result = share_of(cache, in->application, in->directory, retention, &quota,
                      error);
  if (result == 0 && quota && oldest && freed)
    result = fit(in, quota, error);
  buffer_free(cache->env, &entries);
  return result;
}

static int remove_file(const char *name, void *context) {
  const struct retaining *in = context;
  int result = in->cache->env->io->unlinkat(in->directory, name, 0);
  return result < 0 && result != -ENOENT ? result : 0;
}

/* All of it, the lock too: nobody writes, and nobody will. */
static int remove_part(const struct retaining *in, struct hwckpt_error *error) {
  const struct cache_io *io = in->cache->env->io;
  char application[CACHE_NAME_MAX];
  struct place place = {in->cache, in->application, NULL};
  const char *part;
  int above, result;
  if (!format_split_name(in->application, application, &part) || !part)
    return place_fail(&place, error, HWCKPT_E_CACHE_NAME, 0, "no part");
  result = directory_each_name(in->cache, in->application, in->directory,
                               remove_file, (void *)in, error);
  if (result == 0)
    result = directory_open(in->cache, application, &above, error);
  if (result < 0)
    return result;
  result = io->unlinkat(above, part, AT_REMOVEDIR);
  io->close(above);
  in->cache->swept = false;
  return result < 0 ? place_fail_io(&place, error, result, "rmdir") : 0;
}

/* Whether the generation is there and can be restored. */
static bool is_whole(const struct buffer *entries, uint64_t number) {
  const struct catalog_entry *at = entries->data;
  for (size_t i = 0; i < entries->length / sizeof(*at); i++)
    if (at[i].number == number)
      return at[i].base != 0;
  return false;
}

/* A base stays whose newest generation is not older than that: after a restore
 * of an old one bases lie between the generations of its chain. */
static int retain_from(const struct retaining *in, uint64_t oldest,
                       struct hwckpt_error *error) {
  struct buffer entries = {0};
  bool freed;
  int result = read_for(in, oldest, &entries, error);
  if (result == 0 && is_whole(&entries, oldest))
    result = cut(in, oldest, &freed, error);
  buffer_free(in->cache->env, &entries);
  return result;
}

int cache_retain_part(struct cache *cache, const char *name, uint64_t oldest,
                      struct hwckpt_error *error) {
  struct retaining in = {cache, name, -1, -1};
  int result = directory_open(cache, name, &in.directory, error);
  if (result < 0)
    return result;
  result = directory_lock(cache, name, in.directory, &in.lock, error);
  if (result == 0)
    result = oldest ? retain_from(&in, oldest, error) : remove_part(&in, error);
  directory_unlock(cache, in.lock);
  cache->env->io->close(in.directory);
  return result;
}

struct part_walk {
  const char *application;
  int (*visit)(const char *name, void *context);
  void *context;
};

static int visit_part(const char *name, void *context) {
  const struct part_walk *walk = context;
  char whole[CACHE_NAME_MAX];
  if (!format_valid_part(name))
    return 0;
  hwckpt_format(whole, sizeof whole, "%s/%s", walk->application, name);
  return walk->visit(whole, walk->context);
}

int cache_each_part(struct cache *cache, const char *application,
                    int (*visit)(const char *name, void *context),
                    void *context, struct hwckpt_error *error) {
  struct part_walk walk = {application, visit, context};
  int directory;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = directory_each_name(cache, application, directory, visit_part, &walk,
                               error);
  cache->env->io->close(directory);
  return result;
}

int cache_reclaim(struct cache *cache, const char *application,
                  struct hwckpt_error *error) {
  struct retaining in = {cache, application, -1, -1};
  bool freed;
  if (cache->swept)
    return 0;
  int result = directory_open(cache, application, &in.directory, error);
  if (result < 0)
    return result;
  result = directory_lock(cache, application, in.directory, &in.lock, error);
  if (result == 0)
    result = give_back(&in, &freed, error);
  directory_unlock(cache, in.lock);
  cache->env->io->close(in.directory);
  return result;
}

int cache_retain(struct cache *cache, const char *application,
                 const struct cache_retention *retention,
                 struct hwckpt_error *error) {
  struct retaining in = {cache, application, -1, -1};
  int result = directory_open(cache, application, &in.directory, error);
  if (result < 0)
    return result;
  result = directory_lock(cache, application, in.directory, &in.lock, error);
  if (result == 0)
    result = retain(&in, retention, error);
  directory_unlock(cache, in.lock);
  cache->env->io->close(in.directory);
  return result;
}
