/* selection.c - which cache, which application, which generation a command line
 * means. */
#include "selection.h"
#include "command.h"
#include "inventory.h"
#include "key.h"
#include "options_text.h"

#include "runtime/cache/default_path.h"
#include "runtime/support/record_types.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

_Static_assert(CACHE_PATH_MAX == PATH_MAX, "realpath() fills this much");

/* The program may change its directory, and a restore may start elsewhere: only
 * absolute paths leave here. The directory need not exist yet. */
static int make_absolute(const char *path, char absolute[CACHE_PATH_MAX],
                         struct hwckpt_error *error) {
  if (realpath(path, absolute))
    return 0;
  char here[CACHE_PATH_MAX] = "";
  if (*path != '/' && !getcwd(here, sizeof here))
    return hwckpt_fail(error, HWCKPT_E_CACHE_IO, errno, path,
                       "current directory has no path");
  int length = *path == '/'
                   ? snprintf(absolute, CACHE_PATH_MAX, "%s", path)
                   : snprintf(absolute, CACHE_PATH_MAX, "%s/%s", here, path);
  if (length < 0 || length >= CACHE_PATH_MAX)
    return hwckpt_fail(error, HWCKPT_E_CACHE_IO, ENAMETOOLONG, path, "%s", "");
  return 0;
}

int selection_cache_path(const char *option, const char *options,
                         char path[CACHE_PATH_MAX],
                         struct hwckpt_error *error) {
  char given[CACHE_PATH_MAX];
  if (option) {
    if (!*option)
      return hwckpt_fail(error, HWCKPT_E_USAGE, 0, "--cache",
                         "needs a directory");
    return make_absolute(option, path, error);
  }
  if (options_find(options, "cache", given, sizeof given) && *given)
    return make_absolute(given, path, error);
  int failed = cache_default_path(environ, given, sizeof given);
  if (failed)
    return hwckpt_fail(error, (enum hwckpt_code) - failed, 0, "the user's own",
                       "HOME is not set, or its path is too long");
  return make_absolute(given, path, error);
}

int selection_open(struct selection *selection, const char *option,
                   struct hwckpt_error *error) {
  memset(selection, 0, sizeof *selection);
  int failed = selection_cache_path(option, getenv("HWCKPT_OPTIONS"),
                                    selection->path, error);
  if (!failed)
    failed = key_open_cache(selection->path, false, &selection->cache, error);
  if (!failed)
    cache_set_warn(selection->cache, report_warning);
  return failed;
}

void selection_close(struct selection *selection) {
  if (selection->cache)
    cache_close(selection->cache);
  selection->cache = NULL;
}

/* What a walk over the applications looks for. */
struct search {
  struct cache *cache;
  const char *name; /* null: any; only the first `length` bytes count */
  size_t length;
  unsigned matches;
  bool exact;
  struct cache_application best;
  char others[256]; /* names that match, for the message */
};

/* Whether it is a set of named regions and no program; one that is damaged is
 * taken for a program. */
static bool holds_regions(struct cache *cache,
                          const struct cache_application *application) {
  struct cache_reader *reader;
  uint32_t type;
  const void *data;
  size_t length;
  if (cache_reader_open_newest(cache, application->name, application->newest,
                               &reader, NULL))
    return false;
  bool regions = cache_reader_record(reader, 0, &type, &data, &length) &&
                 type == RECORD_REGION_SET;
  cache_reader_close(reader);
  return regions;
}

/* The newest of all; sets of regions are what a program loads itself. */
static void consider_any(struct search *search,
                         const struct cache_application *application) {
  if (!application->count ||
      (search->matches && application->newest_ns <= search->best.newest_ns) ||
      holds_regions(search->cache, application))
    return;
  search->best = *application;
  search->matches++;
}

static void consider(struct search *search,
                     const struct cache_application *application) {
  if (!search->name) {
    consider_any(search, application);
    return;
  }
  if (strncmp(application->name, search->name, search->length) != 0)
    return;
  search->exact = !application->name[search->length];
  search->matches++;
  search->best = *application;
  size_t used = strlen(search->others);
  snprintf(search->others + used, sizeof search->others - used, "%s%s",
           used ? ", " : "", application->name);
}

/* Splits "APP/N". A '/' is in no application's name. */
static int split(const char *which, size_t *length, uint64_t *number,
                 struct hwckpt_error *error) {
  const char *slash = strchr(which, '/');
  *number = 0;
  *length = slash ? (size_t)(slash - which) : strlen(which);
  if (!*length || *length >= CACHE_NAME_MAX)
    return hwckpt_fail(error, HWCKPT_E_NO_APPLICATION, 0, which, "%s", "");
  if (!slash)
    return 0;
  char *end;
  errno = 0;
  unsigned long long value = strtoull(slash + 1, &end, 10);
  if (slash[1] < '0' || slash[1] > '9' || *end || errno || !value)
    return hwckpt_fail(error, HWCKPT_E_NO_GENERATION, 0, which,
                       "a generation is written APP/NUMBER");
  *number = value;
  return 0;
}

static int search_application(struct selection *selection, const char *which,
                              struct cache_application *found,
                              struct hwckpt_error *error) {
  struct search search = {.cache = selection->cache};
  selection->number = 0;
  if (which) {
    search.name = which;
    int failed = split(which, &search.length, &selection->number, error);
    if (failed)
      return failed;
  }
  struct cache_application *applications;
  size_t count;
  int failed =
      inventory_applications(selection->cache, &applications, &count, error);
  if (failed)
    return failed;
  for (size_t i = 0; i < count && !search.exact; i++)
    consider(&search, &applications[i]);
  free(applications);
  if (!which && !search.matches)
    return hwckpt_fail(error, HWCKPT_E_CACHE_EMPTY, 0, selection->path, "%s",
                       "");
  if (which && !search.matches) {
    char name[CACHE_NAME_MAX];
    snprintf(name, sizeof name, "%.*s", (int)search.length, which);
    return hwckpt_fail(error, HWCKPT_E_NO_APPLICATION, 0, name, "in %s",
                       selection->path);
  }
  if (which && !search.exact && search.matches > 1)
    return hwckpt_fail(error, HWCKPT_E_AMBIGUOUS, 0, which, "%s",
                       search.others);
  *found = search.best;
  memcpy(selection->application, search.best.name,
         sizeof selection->application);
  return 0;
}

int selection_find_application(struct selection *selection, const char *which,
                               struct hwckpt_error *error) {
  struct cache_application found;
  return search_application(selection, which, &found, error);
}

struct newest {
  uint64_t number, wanted, before;
  bool present;
};

/* The newest generation counts even when it is damaged: that is to be said
 * before an older one is taken. */
static int visit_generation(const struct cache_generation *generation,
                            int damage, void *context) {
  (void)damage;
  struct newest *newest = context;
  if (!newest->before || generation->number < newest->before)
    newest->number = generation->number;
  newest->present |= generation->number == newest->wanted;
  return 0;
}

int selection_find(struct selection *selection, const char *which,
                   struct hwckpt_error *error) {
  struct cache_application found;
  int failed = search_application(selection, which, &found, error);
  if (failed)
    return failed;
  struct newest newest = {.wanted = selection->number,
                          .before = selection->before};
  failed = cache_each_generation(selection->cache, selection->application,
                                 visit_generation, &newest, error);
  if (failed)
    return failed;
  char name[CACHE_NAME_MAX + 32];
  if (selection->number && !newest.present) {
    snprintf(name, sizeof name, "%s/%llu", selection->application,
             (unsigned long long)selection->number);
    return newest.number ? hwckpt_fail(error, HWCKPT_E_NO_GENERATION, 0, name,
                                       "the newest is %llu",
                                       (unsigned long long)newest.number)
                         : hwckpt_fail(error, HWCKPT_E_NO_GENERATION, 0, name,
                                       "it has none");
  }
  if (!selection->number) {
    if (!newest.number)
      return hwckpt_fail(error, HWCKPT_E_CACHE_EMPTY, 0, selection->application,
                         "in %s", selection->path);
    selection->number = newest.number;
  }
  return 0;
}

bool selection_name_fits(const char *name) {
  size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-");
  return length && !name[length] && length < CACHE_APPLICATION_MAX &&
         name[0] != '.' && name[0] != '-';
}
