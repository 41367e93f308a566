/* copies.c - the copies of generations that a tier has.
 *
 * Copies of an application may come from several caches, each of which counts
 * for itself. What one of them sent, and those that took it from there, is a
 * line; a copy that stands alone has the line's number, which is when it began,
 * where others have the identity of what they build on. */
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
#define LINES_KEPT 3 /* besides one's own */
#define NAME_FORMAT                                                            \
  "%010" PRIu64 "-%016" PRIx64 "-%010" PRIu64 "-%016" PRIx64 ".hwx"

struct entry {
  char application[CACHE_NAME_MAX];
  /* on.number 0: it stands alone; on.identity is then the line. */
  struct copy_parent of, on;
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

/* The newest whole copy that the generation builds on; null: none, or one that
 * as many build on each other for as are read. Older ones would do, but what is
 * new since then grows and grows. */
static const struct entry *choose_parent(const struct list *list,
                                         struct cache_reader *reader) {
  const struct entry *chain[CHAIN_MAX];
  for (size_t i = 0; i < list->count; i++) {
    size_t length = chain_of(list, &list->entries[i], chain);
    if (length && copy_builds_on(reader, &list->entries[i].of))
      return length < CHAIN_MAX ? &list->entries[i] : NULL;
  }
  return NULL;
}

/* The line of a copy, whole or not. */
static bool find_line(const struct list *list, const struct entry *entry,
                      uint64_t *line) {
  const struct entry *chain[CHAIN_MAX];
  size_t length = chain_of(list, entry, chain);
  if (length)
    *line = chain[length - 1]->on.identity;
  return length != 0;
}

/* The line that the cache goes on with: that of a copy it has too, else one of
 * its own. */
struct own_line {
  const struct list *list;
  uint64_t line;
  bool found;
};

static int look_for_line(const struct cache_generation *generation, int damage,
                         void *context) {
  struct own_line *own = context;
  const struct copy_parent of = {generation->number, generation->identity};
  (void)damage;
  for (size_t i = 0; i < own->list->count && !own->found; i++)
    if (is_same(&own->list->entries[i].of, &of))
      own->found = find_line(own->list, &own->list->entries[i], &own->line);
  return own->found;
}

static uint64_t choose_line(const struct list *list, struct cache *cache,
                            const struct cache_generation *generation) {
  struct own_line own = {.list = list};
  cache_each_generation(cache, generation->application, look_for_line, &own,
                        NULL);
  return own.found ? own.line : generation->counted_since_ns;
}

/* The number from which on copies of a line stay: that of its second newest
 * that stands alone; 0: all do. */
static uint64_t oldest_kept(const struct list *list, uint64_t line) {
  unsigned bases = 0;
  for (size_t i = 0; i < list->count; i++)
    if (!list->entries[i].on.number && list->entries[i].on.identity == line &&
        ++bases == BASES_KEPT)
      return list->entries[i].of.number;
  return 0;
}

/* Whether as many other lines began later. */
static bool is_old_line(const struct list *list, uint64_t line, uint64_t own) {
  uint64_t bound = UINT64_MAX;
  for (unsigned later = 0; later <= LINES_KEPT; later++) {
    uint64_t next = 0;
    bool any = false;
    for (size_t i = 0; i < list->count; i++) {
      uint64_t other = list->entries[i].on.identity;
      if (!list->entries[i].on.number && other != own && other < bound &&
          (!any || other > next)) {
        next = other;
        any = true;
      }
    }
    if (!any || next == line)
      return any && later == LINES_KEPT;
    bound = next;
  }
  return true;
}

/* Deltas before what they build on: they are in that order. Never the one that
 * was just sent, and none of which the line is not known. */
static int remove_old(struct tier *tier, const struct list *list,
                      const struct entry *sent, struct hwckpt_error *error) {
  uint64_t own = sent->on.identity, oldest = oldest_kept(list, own), line;
  char name[TIER_FILE_MAX];
  int failed = 0;
  for (size_t i = 0; i < list->count && !failed; i++) {
    const struct entry *entry = &list->entries[i];
    if (is_same(&entry->of, &sent->of) || !find_line(list, entry, &line) ||
        !(line == own ? entry->of.number < oldest
                      : is_old_line(list, line, own)))
      continue;
    name_entry(entry, name);
    failed = tier_remove(tier, entry->application, name, error);
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
  entry.on = parent ? parent->of
                    : (struct copy_parent){0, choose_line(list, cache, info)};
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

/* Whether a copy is what is looked for, but for the application. */
static bool is_wanted(const struct entry *entry,
                      const struct copies_wanted *wanted) {
  char identity[COPIES_IDENTITY_MAX];
  snprintf(identity, sizeof identity, "%016" PRIx64, entry->of.identity);
  return (!wanted->number || entry->of.number == wanted->number) &&
         (!wanted->below || entry->of.number < wanted->below) &&
         !strncmp(identity, wanted->identity, strlen(wanted->identity));
}

/* Another whole one of the same number, of another cache: that whose line began
 * last. */
static const struct entry *find_twin(const struct list *list,
                                     const struct entry *entry,
                                     const struct copies_wanted *wanted) {
  const struct entry *twin = NULL;
  uint64_t line, latest = 0;
  for (size_t i = 0; i < list->count; i++) {
    const struct entry *other = &list->entries[i];
    if (other->of.number == entry->of.number &&
        other->of.identity != entry->of.identity && is_wanted(other, wanted) &&
        find_line(list, other, &line) && (!twin || line > latest)) {
      twin = other;
      latest = line;
    }
  }
  return twin;
}

/* Of one number the copy whose line began last; when that number was asked for
 * there is to be no other. */
static int choose_twin(const struct tier *tier, const struct list *list,
                       const struct entry **found,
                       const struct copies_wanted *wanted,
                       struct copies_found *result,
                       struct hwckpt_error *error) {
  const struct entry *one = *found, *twin = find_twin(list, one, wanted);
  uint64_t line = 0, other = 0;
  if (twin && wanted->number)
    return hwckpt_fail(error, HWCKPT_E_AMBIGUOUS, 0, tier_name(tier),
                       "of two caches: %s/%" PRIu64 "-%016" PRIx64
                       " and %s/%" PRIu64 "-%016" PRIx64,
                       one->application, one->of.number, one->of.identity,
                       twin->application, twin->of.number, twin->of.identity);
  if (twin && find_line(list, one, &line) && find_line(list, twin, &other) &&
      other > line) {
    *found = twin;
    twin = one;
  }
  *result = (struct copies_found){(*found)->of.number, (*found)->of.identity,
                                  twin ? twin->of.identity : 0};
  return 0;
}

int copies_find(struct tier *tier, char application[CACHE_NAME_MAX],
                const struct copies_wanted *wanted, struct copies_found *result,
                struct copies_gap *gap, struct hwckpt_error *error) {
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
    if (!is_wanted(entry, wanted))
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
    failed = choose_twin(tier, &list, &found, wanted, result, error);
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
                 const char *application, const struct copies_found *which,
                 struct cache_generation *result, struct hwckpt_error *error) {
  const struct copy_parent of = {which->number, which->identity};
  struct fetching fetching = {.tier = tier};
  struct list list = {0};
  int failed = read_list(tier, application, &list, error);
  for (size_t i = 0; i < list.count && !fetching.count; i++)
    if (is_same(&list.entries[i].of, &of))
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
