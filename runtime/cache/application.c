/* application.c - the directory of an application whose name the user chose.
 *
 * Two programs that make it at once both have it: what may be written there by
 * one at a time is the business of the writer's lock.
 */
#include "directory.h"

#include "format.h"
#include "io.h"

#include <errno.h>

int cache_use_application(struct cache *cache, const char *name,
                          struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, name, NULL};
  if (!format_valid_application(name))
    return hwckpt_fail(error, HWCKPT_E_CACHE_NAME, 0, name, "%s", "");
  int made = io->mkdirat(cache->fd, name, 0700);
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
  int synced = io->fsync(cache->fd);
  return synced < 0
             ? place_fail_io(&place, error, synced, "fsync of its directory")
             : 0;
}
