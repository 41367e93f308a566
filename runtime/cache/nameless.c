/* nameless.c - see nameless.h. Most of such a file is read back before the
 * kernel has written it to the device. */
#include "nameless.h"

#include <errno.h>
#include <fcntl.h>

static int make(struct nameless *file, const struct place *place, int directory,
                struct hwckpt_error *error) {
  const struct cache_io *io = place->cache->env->io;
  int fd = io->openat(directory, place->file,
                      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return place_fail_io(place, error, fd, "create");
  file->fd = fd;
  /* A name that stays for now does no harm. */
  file->named = io->unlinkat(directory, place->file, 0) < 0;
  return 0;
}

int nameless_append(struct nameless *file, const struct place *place,
                    int directory, const void *data, size_t length,
                    struct hwckpt_error *error) {
  int result = file->fd < 0 ? make(file, place, directory, error) : 0;
  if (result == 0)
    result = io_write(place, file->fd, data, length, file->length, error);
  if (result == 0)
    file->length += length;
  return result;
}

/* Nobody else has it: it is the device, whatever of it is missing. */
int nameless_fail(const struct place *place, struct hwckpt_error *error) {
  return place_fail(place, error, HWCKPT_E_CACHE_IO, EIO,
                    "reads otherwise than it was written");
}

int nameless_read(const struct nameless *file, const struct place *place,
                  void *data, size_t length, uint64_t offset,
                  struct hwckpt_error *error) {
  int result = io_read(place, file->fd, data, length, offset, error);
  return result == -HWCKPT_E_CACHE_TRUNCATED ? nameless_fail(place, error)
                                             : result;
}

void nameless_free(struct nameless *file, const struct place *place,
                   int directory) {
  const struct cache_io *io = place->cache->env->io;
  if (file->fd >= 0)
    io->close(file->fd);
  if (file->named)
    io->unlinkat(directory, place->file, 0);
}
