/* fetch.c - taking a checkpoint from a tier when the cache has none as good. */
#include "fetch.h"
#include "command.h"
#include "key.h"
#include "text.h"

#include "tools/tiers/copies.h"
#include "tools/tiers/copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
  char application[CACHE_NAME_MAX]; /* "": whichever there is */
  uint64_t number;                  /* 0: the newest */
};

static int read_which(const char *which, struct wanted *wanted,
                      struct hwckpt_error *error) {
  size_t length = which ? strcspn(which, "/") : 0;
  char *end = "";
  *wanted = (struct wanted){.number = 0};
  if (length >= CACHE_NAME_MAX)
    return hwckpt_fail(error, HWCKPT_E_NO_APPLICATION, 0, which, "%s", "");
  if (which)
    memcpy(wanted->application, which, length);
  errno = 0;
  if (which && which[length])
    wanted->number = strtoull(which + length + 1, &end, 10);
  if (*end || errno || (which && which[length] && !wanted->number))
    return hwckpt_fail(error, HWCKPT_E_NO_GENERATION, 0, which,
                       "a generation is written APP/NUMBER");
  return 0;
}

struct search {
  uint64_t wanted, found;
};

static int visit(const struct cache_generation *generation, int damage,
                 void *context) {
  struct search *search = context;
  if (!damage && (!search->wanted || generation->number == search->wanted))
    search->found = generation->number;
  return 0;
}

/* Whether the cache has what is wanted, no older than `than`, down to every
 * page. */
static bool cache_has(struct cache *cache, const struct wanted *wanted,
                      uint64_t than) {
  struct search search = {.wanted = wanted->number};
  return !cache_each_generation(cache, wanted->application, visit, &search,
                                NULL) &&
         search.found && search.found >= than &&
         !copy_check_cached(cache, wanted->application, search.found, NULL);
}

/* What is newer there, but of no use, would be missed. */
static void say_gap(const struct tier *tier, const char *application,
                    const struct copies_gap *gap) {
  char escaped[4 * CACHE_NAME_MAX];
  if (gap->number)
    report_note("%s/%" PRIu64 " is not whole in %s: what it builds on, %" PRIu64
                ", is not there",
                text_escape(escaped, sizeof escaped, application), gap->number,
                tier_name(tier), gap->missing);
}

/* What is looked for in all tiers, the nearest first. */
struct pass {
  uint64_t below;   /* not this and newer ones, 0: any */
  uint64_t damaged; /* the newest of those that were found, and are not whole */
  const struct hwckpt_error *instead; /* why, null: it is the first choice */
};

/* Of a copy, so that an older one may be whole: it is not as it was written, or
 * is listed and not there. */
static bool is_of_copy(int failed) {
  return failed == -HWCKPT_E_STREAM_FORMAT ||
         failed == -HWCKPT_E_STREAM_DAMAGED ||
         failed == -HWCKPT_E_STREAM_TRUNCATED || failed == -HWCKPT_E_TIER_IO ||
         failed == -HWCKPT_E_S3_REFUSED;
}

static int fetch_from(struct tier *tier, struct cache *cache,
                      const struct wanted *wanted, struct pass *pass,
                      char chosen[CACHE_NAME_MAX + 32],
                      struct hwckpt_error *error) {
  char escaped[4 * CACHE_NAME_MAX];
  struct cache_generation result;
  struct wanted found = *wanted;
  struct copies_gap gap;
  int failed = copies_find(tier, found.application, &found.number, pass->below,
                           &gap, error);
  if (failed)
    return failed;
  say_gap(tier, found.application, &gap);
  const struct wanted same = {.number = wanted->number};
  struct wanted here = same;
  memcpy(here.application, found.application, sizeof here.application);
  bool cached = cache_has(cache, &here, found.number);
  if (cached && pass->instead)
    report_warning(pass->instead);
  if (cached)
    return 0;
  failed = cache_use_application(cache, found.application, error);
  if (!failed)
    failed = copies_fetch(tier, cache, found.application, found.number, &result,
                          error);
  if (is_of_copy(failed) && found.number > pass->damaged)
    pass->damaged = found.number;
  if (failed)
    return failed;
  if (pass->instead)
    report_warning(pass->instead);
  snprintf(chosen, CACHE_NAME_MAX + 32, "%s/%" PRIu64, found.application,
           result.number);
  report_note("%s/%" PRIu64 " was taken from %s",
              text_escape(escaped, sizeof escaped, found.application),
              found.number, tier_name(tier));
  return 0;
}

static int fetch_in_pass(const struct fetch_request *request,
                         struct cache *cache, const struct wanted *wanted,
                         struct pass *pass, char chosen[CACHE_NAME_MAX + 32],
                         struct hwckpt_error *error) {
  int failed = 0;
  for (unsigned i = 0; i < request->count; i++) {
    struct tier *tier;
    if (i && failed)
      report_warning(error);
    failed = tier_open(request->tiers[i], false, NULL, &tier, error);
    if (failed)
      continue;
    tier_set_key(tier, request->key);
    failed = fetch_from(tier, cache, wanted, pass, chosen, error);
    tier_close(tier);
    if (!failed)
      return 0;
  }
  return failed;
}

/* Where no tier has the newest whole, the one before is looked for, and so on.
 */
static int fetch_from_any(const struct fetch_request *request,
                          struct cache *cache, const struct wanted *wanted,
                          char chosen[CACHE_NAME_MAX + 32],
                          struct hwckpt_error *error) {
  struct pass pass = {.below = 0};
  struct hwckpt_error other;
  int failed = fetch_in_pass(request, cache, wanted, &pass, chosen, error);
  while (failed && pass.damaged && !wanted->number) {
    pass = (struct pass){.below = pass.damaged, .instead = error};
    if (!fetch_in_pass(request, cache, wanted, &pass, chosen, &other))
      return 0;
  }
  return failed;
}

int fetch_nearest(const struct fetch_request *request,
                  char chosen[CACHE_NAME_MAX + 32],
                  struct hwckpt_error *error) {
  char path[CACHE_PATH_MAX];
  struct wanted wanted;
  struct cache *cache;
  *chosen = 0;
  int failed = read_which(request->which, &wanted, error);
  if (!failed)
    failed = selection_cache_path(request->cache_option,
                                  getenv("HWCKPT_OPTIONS"), path, error);
  if (!failed)
    failed = key_open_cache(path, true, &cache, error);
  if (failed)
    return failed;
  failed = fetch_from_any(request, cache, &wanted, chosen, error);
  /* No tier has it, or none answers: the cache may do all the same. */
  if (failed && *wanted.application && cache_has(cache, &wanted, 1)) {
    report_warning(error);
    failed = 0;
  }
  cache_close(cache);
  return failed;
}
