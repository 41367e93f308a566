/* application.c - the directory of an application whose name the user chose, or
 * of a part.
 *
 * Two programs that make it at once both have it: what may be written there by
 * one at a time is the business of the writer's lock.
 */
#include "directory.h"

#include "format.h"
#include "image.h"
#include "io.h"
#include "keys.h"

#include <errno.h>

/* What is here already may have been brought under this name by renaming its
 * directory, or be of a later hwckpt: it is not to be mixed with ours. What is
 * damaged is, by what takes no notice of it. */
static int check_newest(struct cache *cache, const char *name, int directory,
                        struct hwckpt_error *error) {
  struct buffer numbers = {0};
  int result = directory_numbers(cache, name, directory,
                                 format_parse_generation, &numbers, error);
  size_t count = numbers.length / sizeof(uint64_t);
  struct image image = {.fd = -1};
  if (result == 0 && count) {
    uint64_t newest = ((const uint64_t *)numbers.data)[count - 1];
    result = image_open(&image, cache, name, directory, newest, error);
    image_close(&image);
    if (result != -HWCKPT_E_CACHE_OTHER && result != -HWCKPT_E_CACHE_VERSION)
      result = 0;
  }
  buffer_free(cache->env, &numbers);
  return result;
}

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
    if (result < 0)
      return result;
    result = check_newest(cache, name, directory, error);
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
