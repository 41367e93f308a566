/* copies.c - the copies of generations that a tier has. */
#include "copies.h"

#include "copy.h"
#include "runtime/cache/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL 3
#define FETCH_LEVEL 1
#define CHAIN_MAX 32 /* copies that are read for one generation */
#define BASES_KEPT 2
#define NAME_FORMAT                                                            \
  "%010" PRIu64 "-%016" PRIx64 "-%010" PRIu64 "-%016" PRIx64 ".hwx"

struct entry {
  char application[CACHE_NAME_MAX];
  struct copy_parent of, on; /* on.number 0: it stands alone */
};

struct list {
  struct entry *entries;
  size_t count, room;
};

static void name_entry(const struct entry *entry, char name[TIER_FILE_MAX]) {
  snprintf(name, TIER_FILE_MAX, NAME_FORMAT, entry->of.number,
           entry->of.identity, entry->on.number, entry->on.identity);
}

/* A name in the one spelling there is. */
static bool parse_name(const char *name, struct entry *entry) {
  char again[TIER_FILE_MAX];
  if (sscanf(name, "%" SCNu64 "-%" SCNx64 "-%" SCNu64 "-%" SCNx64,
             &entry->of.number, &entry->of.identity, &entry->on.number,
             &entry->on.identity) != 4)
    return false;
  name_entry(entry, again);
  return !strcmp(name, again) && entry->of.number &&
         entry->of.number <= STREAM_NUMBER_MAX &&
         entry->on.number < entry->of.number;
}

static int add_entry(const char *application, const char *file, uint64_t size,
                     void *context) {
  struct list *list = context;
  struct entry entry = {0};
  (void)size;
  if (!format_valid_application(application) || !parse_name(file, &entry))
    return 0;
  snprintf(entry.application, sizeof entry.application, "%s", application);
  if (list->count == list->room) {
    size_t room = list->room ? 2 * list->room : 16;
    void *entries = reallocarray(list->entries, room, sizeof *list->entries);
    if (!entries)
      return -HWCKPT_E_RESTORE_MEMORY;
    list->entries = entries;
    list->room = room;
  }
  list->entries[list->count++] = entry;
  return 0;
}

/* The newest first. */
static int by_number(const void *one, const void *other) {
  const struct entry *a = one, *b = other;
  int names = strcmp(a->application, b->application);
  return names                         ? names
         : a->of.number < b->of.number ? 1
                                       : -(a->of.number > b->of.number);
}

static int read_list(struct tier *tier, const char *application,
                     struct list *list, struct hwckpt_error *error) {
  int failed = tier_each(tier, application, add_entry, list, error);
  if (failed == -HWCKPT_E_RESTORE_MEMORY)
    hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, tier_name(tier), "%s", "");
  if (list->count)
    qsort(list->entries, list->count, sizeof *list->entries, by_number);
  return failed;
}

static bool is_same(const struct copy_parent *one,
                    const struct copy_parent *other) {
  return one->number == other->number && one->identity == other->identity;
}

static const struct entry *find_parent(const struct list *list,
                                       const struct entry *entry) {
  for (size_t i = 0; i < list->count; i++)
    if (is_same(&list->entries[i].of, &entry->on) &&
        !strcmp(list->entries[i].application, entry->application))
      return &list->entries[i];
  return NULL;
}

/* What a copy builds on, itself first; 0 when a part is missing, or it is too
 * long. */
static size_t chain_of(const struct list *list, const struct entry *entry,
                       const struct entry *chain[CHAIN_MAX]) {
  size_t count = 0;
  while (entry && count < CHAIN_MAX) {
    chain[count++] = entry;
    if (!entry->on.number)
      return count;
    entry = find_parent(list, entry);
  }
  return 0;
}

/* ---- sending ---- */

struct sending {
  struct cache *cache;
  struct cache_reader *reader;
  const struct copy_parent *parent;
};

static int send_stream(const struct stream_sink *sink, void *context,
                       struct hwckpt_error *error) {
  const struct sending *sending = context;
  return copy_out(sending->cache, sending->reader, sending->parent, LEVEL, sink,
                  error);
}

/* Once more where the storage gave up what it had. */
static int put_copy(struct tier *tier, const char *application,
                    const char *name, struct sending *sending,
                    struct hwckpt_error *error) {
  int failed = tier_put(tier, application, name, send_stream, sending, error);
  return failed == -HWCKPT_E_S3_EXPIRED
             ? tier_put(tier, application, name, send_stream, sending, error)
             : failed;
}

/* The newest copy that the generation builds on, and that may be built on. */
static const struct entry *choose_parent(const struct list *list,
                                         struct cache_reader *reader) {
  const struct entry *chain[CHAIN_MAX];
  for (size_t i = 0; i < list->count; i++) {
    size_t length = chain_of(list, &list->entries[i], chain);
    if (length && length < CHAIN_MAX &&
        copy_builds_on(reader, &list->entries[i].of))
      return &list->entries[i];
  }
  return NULL;
}

/* Deltas before what they build on: they are in that order. Never the one that
 * was just sent: where an earlier program of that name had more checkpoints, it
 * is not among the newest. */
static int remove_old(struct tier *tier, const struct list *list,
                      const struct entry *sent, struct hwckpt_error *error) {
  char name[TIER_FILE_MAX];
  uint64_t oldest = 0;
  unsigned bases = 0;
  int failed = 0;
  for (size_t i = 0; i < list->count && bases < BASES_KEPT; i++)
    if (!list->entries[i].on.number) {
      oldest = list->entries[i].of.number;
      bases++;
    }
  for (size_t i = 0; i < list->count && !failed && bases == BASES_KEPT; i++)
    if (list->entries[i].of.number < oldest &&
        !is_same(&list->entries[i].of, &sent->of)) {
      name_entry(&list->entries[i], name);
      failed = tier_remove(tier, list->entries[i].application, name, error);
    }
  return failed;
}

/* What is older now will not be gone on with. */
static bool is_older(const char *file, void *context) {
  const struct entry *sent = context;
  struct entry entry;
  return parse_name(file, &entry) && entry.of.number < sent->of.number;
}

static int send_generation(struct tier *tier, struct cache *cache,
                           struct cache_reader *reader, struct list *list,
                           struct copies_result *result,
                           struct hwckpt_error *error) {
  const struct cache_generation *info = cache_reader_generation(reader);
  const struct entry *chain[CHAIN_MAX];
  struct entry entry = {.of = {info->number, info->identity}};
  char name[TIER_FILE_MAX];
  result->number = info->number;
  result->newest = info->number;
  if (list->count && list->entries->of.number > info->number)
    result->newest = list->entries->of.number;
  for (size_t i = 0; i < list->count; i++)
    if (is_same(&list->entries[i].of, &entry.of) &&
        chain_of(list, &list->entries[i], chain))
      return 0;
  const struct entry *parent = choose_parent(list, reader);
  if (parent)
    entry.on = parent->of;
  struct sending sending = {cache, reader, parent ? &entry.on : NULL};
  name_entry(&entry, name);
  /* First: it may have the room that is needed. */
  int failed =
      tier_drop_begun(tier, info->application, is_older, &entry, error);
  if (!failed)
    failed = put_copy(tier, info->application, name, &sending, error);
  if (failed)
    return failed;
  result->sent = true;
  result->parent = entry.on.number;
  if (!parent && !add_entry(info->application, name, 0, list)) {
    qsort(list->entries, list->count, sizeof *list->entries, by_number);
    failed = remove_old(tier, list, &entry, error);
  }
  return failed;
}

static int keep_newest(const struct cache_generation *generation, int damage,
                       void *context) {
  if (!damage)
    *(uint64_t *)context = generation->number;
  return 0;
}

int copies_send(struct tier *tier, struct cache *cache, const char *application,
                uint64_t number, struct copies_result *result,
                struct hwckpt_error *error) {
  struct list list = {0};
  struct cache_reader *reader;
  int failed = 0;
  *result = (struct copies_result){0};
  if (!number)
    failed =
        cache_each_generation(cache, application, keep_newest, &number, error);
  if (!failed && !number)
    failed = hwckpt_fail(error, HWCKPT_E_CACHE_EMPTY, 0, application, "%s", "");
  if (!failed)
    failed = cache_reader_open(cache, application, number, &reader, error);
  if (failed)
    return failed;
  failed = read_list(tier, application, &list, error);
  if (!failed)
    failed = send_generation(tier, cache, reader, &list, result, error);
  cache_reader_close(reader);
  free(list.entries);
  return failed;
}

/* ---- finding and fetching ---- */

static int nothing(const struct tier *tier, const char *application,
                   const struct copies_gap *gap, struct hwckpt_error *error) {
  if (gap->number)
    return hwckpt_fail(error, HWCKPT_E_TIER_NOTHING, 0, tier_name(tier),
                       "of %s/%" PRIu64 " what it builds on, %" PRIu64
                       ", is not there",
                       application, gap->number, gap->missing);
  return hwckpt_fail(error, HWCKPT_E_TIER_NOTHING, 0, tier_name(tier), "%s",
                     *application ? application : "nothing of any application");
}

/* What of a copy is not there. */
static struct copies_gap find_gap(const struct list *list,
                                  const struct entry *entry) {
  struct copies_gap gap = {.number = entry->of.number};
  while (entry && entry->on.number) {
    gap.missing = entry->on.number;
    entry = find_parent(list, entry);
  }
  return gap;
}

int copies_find(struct tier *tier, char application[CACHE_NAME_MAX],
                uint64_t *number, uint64_t below, struct copies_gap *gap,
                struct hwckpt_error *error) {
  const struct entry *chain[CHAIN_MAX], *found = NULL;
  struct list list = {0};
  int failed = read_list(tier, *application ? application : NULL, &list, error);
  if (!failed && !*application && list.count &&
      strcmp(list.entries->application,
             list.entries[list.count - 1].application) != 0)
    failed = hwckpt_fail(error, HWCKPT_E_AMBIGUOUS, 0, tier_name(tier),
                         "%s, %s and perhaps others", list.entries->application,
                         list.entries[list.count - 1].application);
  *gap = (struct copies_gap){0};
  for (size_t i = 0; i < list.count && !failed && !found; i++) {
    const struct entry *entry = &list.entries[i];
    if ((*number && entry->of.number != *number) ||
        (below && entry->of.number >= below))
      continue;
    if (chain_of(&list, entry, chain))
      found = entry;
    else if (!gap->number)
      *gap = find_gap(&list, entry);
  }
  if (!failed && !found)
    failed = nothing(tier,
                     *application || !list.count ? application
                                                 : list.entries->application,
                     gap, error);
  if (found) {
    memcpy(application, found->application, CACHE_NAME_MAX);
    *number = found->of.number;
  }
  free(list.entries);
  return failed;
}

struct fetching {
  struct tier *tier;
  const struct entry *chain[CHAIN_MAX];
  size_t count;
  struct stream_source source;
};

static int open_copy(void *context, size_t i, struct stream_source *source,
                     struct hwckpt_error *error) {
  struct fetching *fetching = context;
  const struct entry *entry = fetching->chain[fetching->count - 1 - i];
  char name[TIER_FILE_MAX];
  name_entry(entry, name);
  int failed = tier_get(fetching->tier, entry->application, name,
                        &fetching->source, error);
  *source = fetching->source;
  return failed;
}

static void close_copy(void *context, size_t i) {
  struct fetching *fetching = context;
  (void)i;
  tier_leave(&fetching->source);
}

int copies_fetch(struct tier *tier, struct cache *cache,
                 const char *application, uint64_t number,
                 struct cache_generation *result, struct hwckpt_error *error) {
  struct fetching fetching = {.tier = tier};
  struct list list = {0};
  int failed = read_list(tier, application, &list, error);
  for (size_t i = 0; i < list.count && !fetching.count; i++)
    if (list.entries[i].of.number == number)
      fetching.count = chain_of(&list, &list.entries[i], fetching.chain);
  if (!failed && !fetching.count)
    failed = nothing(tier, application, &(struct copies_gap){0}, error);
  const struct copy_sources sources = {open_copy, close_copy, &fetching,
                                       fetching.count};
  if (!failed)
    failed = copy_in(cache, application, &sources, FETCH_LEVEL, result, error);
  free(list.entries);
  return failed;
}
