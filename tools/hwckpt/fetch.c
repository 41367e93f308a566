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
  char application[CACHE_NAME_MAX];   /* "": whichever there is */
  uint64_t number;                    /* 0: the newest */
  char identity[COPIES_IDENTITY_MAX]; /* its beginning; "": any */
};

/* APP/NUMBER-IDENTITY, where two have that number: as in the name of a copy. */
static bool read_identity(const char *text, struct wanted *wanted) {
  size_t length = *text == '-' ? strspn(text + 1, "0123456789abcdef") : 0;
  if (!length || length >= sizeof wanted->identity)
    return !*text;
  memcpy(wanted->identity, text + 1, length);
  return !text[length + 1];
}

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
  if (!read_identity(end, wanted) || errno ||
      (which && which[length] && !wanted->number))
    return hwckpt_fail(error, HWCKPT_E_NO_GENERATION, 0, which,
                       "a generation is written APP/NUMBER");
  return 0;
}

struct search {
  uint64_t wanted, found;
  uint64_t identity; /* only of that one, 0: of any */
};

static int visit(const struct cache_generation *generation, int damage,
                 void *context) {
  struct search *search = context;
  if (!damage && (!search->wanted || generation->number == search->wanted) &&
      (!search->identity || generation->identity == search->identity))
    search->found = generation->number;
  return 0;
}

/* Whether the cache has what is wanted, no older than `than`, down to every
 * page. identity: only of that one, 0: of any. */
static bool cache_has(struct cache *cache, const struct wanted *wanted,
                      uint64_t than, uint64_t identity) {
  struct search search = {.wanted = wanted->number, .identity = identity};
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

/* Which of two was taken is for the user to know. */
static void say_twin(const struct tier *tier, const char *application,
                     const struct copies_found *found) {
  char escaped[4 * CACHE_NAME_MAX];
  if (found->twin)
    report_note("%s has another cache's %s/%" PRIu64 "-%016" PRIx64 " too",
                tier_name(tier),
                text_escape(escaped, sizeof escaped, application),
                found->number, found->twin);
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
  struct wanted here = *wanted;
  struct copies_wanted asked = {.number = wanted->number, .below = pass->below};
  struct copies_found found;
  struct copies_gap gap;
  memcpy(asked.identity, wanted->identity, sizeof asked.identity);
  int failed = copies_find(tier, here.application, &asked, &found, &gap, error);
  if (failed)
    return failed;
  say_gap(tier, here.application, &gap);
  bool cached = cache_has(cache, &here, found.number,
                          *wanted->identity ? found.identity : 0);
  if (cached && pass->instead)
    report_warning(pass->instead);
  if (cached && *wanted->identity)
    snprintf(chosen, CACHE_NAME_MAX + 32, "%s/%" PRIu64, here.application,
             found.number);
  if (cached)
    return 0;
  failed = cache_use_application(cache, here.application, error);
  if (!failed)
    failed =
        copies_fetch(tier, cache, here.application, &found, &result, error);
  if (is_of_copy(failed) && found.number > pass->damaged)
    pass->damaged = found.number;
  if (failed)
    return failed;
  if (pass->instead)
    report_warning(pass->instead);
  snprintf(chosen, CACHE_NAME_MAX + 32, "%s/%" PRIu64, here.application,
           result.number);
  report_note("%s/%" PRIu64 " was taken from %s",
              text_escape(escaped, sizeof escaped, here.application),
              found.number, tier_name(tier));
  say_twin(tier, here.application, &found);
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
  if (failed && *wanted.application && !*wanted.identity &&
      cache_has(cache, &wanted, 1, 0)) {
    report_warning(error);
    failed = 0;
  }
  cache_close(cache);
  return failed;
}
