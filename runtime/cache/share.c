/* share.c - the room that all applications of a cache have together, divided
 * among them by their weights.
 *
 * The weight of an application is a number in a file of its directory, which
 * it writes itself; without one it is 1. Each keeps to its own share, so nobody
 * has to remove what is another's.
 */
#include "share.h"

#include "format.h"
#include "io.h"

#include <fcntl.h>

#define FILE_NAME "weight"
#define TEXT 16

/* "N\n"; anything else is no weight. */
static unsigned parse(const char *text, size_t length) {
  uint64_t value = 0;
  for (size_t i = 0; i + 1 < length; i++) {
    if (text[i] < '0' || text[i] > '9')
      return 0;
    value = value * 10 + (unsigned)(text[i] - '0');
  }
  return length > 1 && text[length - 1] == '\n' && value <= SHARE_WEIGHT_MAX
             ? (unsigned)value
             : 0;
}

/* What is no weight counts as none written. */
static int read_weight(struct cache *cache, const char *application,
                       int directory, unsigned *weight,
                       struct hwckpt_error *error) {
  struct place place = {cache, application, FILE_NAME};
  char text[TEXT];
  uint64_t size;
  int fd;
  *weight = 1;
  int result = io_open_file(&place, directory, &fd, &size, error);
  if (fd < 0)
    return result;
  if (result == 0 && size < sizeof text) {
    result = io_read(&place, fd, text, (size_t)size, 0, error);
    unsigned number = result == 0 ? parse(text, (size_t)size) : 0;
    *weight = number ? number : 1;
  }
  cache->env->io->close(fd);
  return result;
}

static int keep_weight(struct cache *cache, const char *application,
                       int directory, unsigned weight,
                       struct hwckpt_error *error) {
  struct place place = {cache, application, FILE_NAME};
  char text[TEXT];
  unsigned before;
  int result = read_weight(cache, application, directory, &before, error);
  if (result < 0 || before == weight)
    return result;
  size_t length = hwckpt_format(text, sizeof text, "%u\n", weight);
  return io_replace_file(&place, directory, text, length, error);
}

struct sum {
  struct cache *cache;
  uint64_t weights;
};

/* One that is being removed, or is somebody else's, has no share. */
static int add(const char *name, void *context) {
  struct sum *sum = context;
  int directory;
  unsigned weight;
  if (!format_valid_application(name) || format_is_temporary(name) ||
      directory_open(sum->cache, name, &directory, 0) < 0)
    return 0;
  if (read_weight(sum->cache, name, directory, &weight, 0) == 0)
    sum->weights += weight;
  sum->cache->env->io->close(directory);
  return 0;
}

static int add_all(struct sum *sum, struct hwckpt_error *error) {
  const struct cache_io *io = sum->cache->env->io;
  struct place place = {sum->cache, NULL, NULL};
  int fd =
      io->openat(sum->cache->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "open");
  int result = io_each_name(&place, fd, add, sum, error);
  io->close(fd);
  return result;
}

int share_of(struct cache *cache, const char *application, int directory,
             const struct cache_retention *retention, uint64_t *quota,
             struct hwckpt_error *error) {
  struct sum sum = {cache, 0};
  unsigned weight = retention->weight ? retention->weight : 1;
  *quota = retention->quota;
  if (!retention->shared_quota)
    return 0;
  if (weight > SHARE_WEIGHT_MAX)
    weight = SHARE_WEIGHT_MAX;
  int result = keep_weight(cache, application, directory, weight, error);
  if (result == 0)
    result = add_all(&sum, error);
  if (result < 0)
    return result;
  if (sum.weights < weight) /* it could not be read */
    sum.weights = weight;
  /* Its products stay small: no library divides for us. */
  uint64_t whole = retention->shared_quota / sum.weights;
  uint64_t rest = retention->shared_quota % sum.weights;
  uint64_t share = whole * weight + rest * weight / sum.weights;
  if (!*quota || share < *quota)
    *quota = share ? share : 1;
  return 0;
}
