/* selection.h - which cache, which application, which generation a command line
 * means. */
#ifndef HWCKPT_SELECTION_H
#define HWCKPT_SELECTION_H

#include "runtime/cache/cache.h"

#define CACHE_PATH_MAX 4096

/* Writes the absolute path of the cache: option (--cache, null: not given),
 * else cache= in options (null: none; HWCKPT_OPTIONS text), else the user's
 * own. */
int selection_cache_path(const char *option, const char *options,
                         char path[CACHE_PATH_MAX], struct hwckpt_error *error);

/* A generation that was chosen. */
struct selection {
  char path[CACHE_PATH_MAX]; /* of the cache, absolute */
  struct cache *cache;
  char application[CACHE_NAME_MAX];
  uint64_t number;
  uint64_t before; /* where none is named, the newest older than this; 0: of all
                    */
  uint64_t above;  /* in place of a damaged one, only newer ones than this */
};

/* Opens the cache that option (--cache) and the environment's HWCKPT_OPTIONS
 * say. The caller ends it with selection_close(). */
int selection_open(struct selection *selection, const char *option,
                   struct hwckpt_error *error);

/* Finds what `which` says: "APP" or a unique prefix of it (its newest
 * generation), "APP/N", or null for the newest generation of the whole cache.
 */
int selection_find(struct selection *selection, const char *which,
                   struct hwckpt_error *error);

/* Finds the application only; with APP/N, number is N, else 0. */
int selection_find_application(struct selection *selection, const char *which,
                               struct hwckpt_error *error);

void selection_close(struct selection *selection);

/* Whether name can be an application's: letters, digits, '.', '_', '+', '-',
 * not beginning with '.' or '-', short enough. */
bool selection_name_fits(const char *name);

#endif
