/* application.c - the directory of an application whose name the user chose, or
 * of a part.
 *
 * Two programs that make it at once both have it: what may be written there by
 * one at a time is the business of the writer's lock.
 */
#include "directory.h"

#include "format.h"
#include "io.h"
#include "keys.h"

#include <errno.h>

/* In `above`, the cache's directory or an application's. */
static int use(struct cache *cache, const char *name, int above,
               const char *base, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, name, NULL};
  int made = io->mkdirat(above, base, 0700);
  if (made == -EEXIST) {
    /* Whether it is one, and ours, is checked as for every use of it. */
    int directory;
    int result = directory_open(cache, name, &directory, error);
    if (result == 0)
      io->close(directory);
    return result;
  }
  if (made < 0)
    return place_fail_io(&place, error, made, "mkdir");
  int synced = io->fsync(above);
  return synced < 0
             ? place_fail_io(&place, error, synced, "fsync of its directory")
             : 0;
}

int cache_use_application(struct cache *cache, const char *name,
                          struct hwckpt_error *error) {
  char application[CACHE_NAME_MAX];
  const char *part;
  int above;
  if (!format_split_name(name, application, &part))
    return hwckpt_fail(error, HWCKPT_E_CACHE_NAME, 0, name, "%s", "");
  if (!part) {
    int result = use(cache, name, cache->fd, name, error);
    return result < 0 ? result : keys_make(cache, name, error);
  }
  int result = directory_open(cache, application, &above, error);
  if (result == 0) {
    result = use(cache, name, above, part, error);
    cache->env->io->close(above);
  }
  return result;
}
