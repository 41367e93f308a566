/* restores.c - how often a generation was restored.
 *
 * The count lies in a file of its own beside the generation, which itself never
 * changes after its commit. It is replaced as a whole, so it is either the old
 * count or the new one, and it names the generation's identity, so that
 * it never counts for another.
 */
#include "reader.h"

#include <string.h>

int restores_read(const struct image *image, int directory, unsigned *count,
                  struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = {image->cache, image->application, file};
  format_generation_file(file, image->number, FORMAT_SUFFIX_RESTORES);
  *count = 0;

  uint64_t size;
  int fd;
  int result = io_open_file(&place, directory, &fd, &size, error);
  if (fd < 0)
    return result;
  unsigned char bytes[sizeof(struct format_tag) + FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  CacheRestores restores = CacheRestores_init_zero;
  if (size < sizeof(tag))
    result = place_truncated(&place, error, size, "file ends here");
  else if (size > sizeof(bytes))
    result = place_damaged(&place, error, sizeof(bytes), "too long");
  else
    result = io_read(&place, fd, bytes, (size_t)size, 0, error);
  image->cache->env->io->close(fd);
  if (result < 0)
    return result;

  memcpy(&tag, bytes, sizeof(tag));
  size_t length = (size_t)size - sizeof(tag);
  enum format_status status = format_check_tag(&tag, FORMAT_MAGIC_RESTORES);
  if (status == FORMAT_OK && tag.length != length)
    status = FORMAT_DAMAGED;
  if (status == FORMAT_OK)
    status = format_check(&tag, FORMAT_MAGIC_RESTORES, bytes + sizeof(tag));
  if (status == FORMAT_OTHER)
    return place_fail(&place, error, HWCKPT_E_CACHE_VERSION, 0,
                      "at byte 0: version %u, this reads up to %u", tag.version,
                      FORMAT_VERSION);
  if (status != FORMAT_OK ||
      !format_decode_restores(&restores, bytes + sizeof(tag), length))
    return place_damaged(&place, error, 0, "not a count of restores");
  if (restores.number == image->number &&
      restores.commit_checksum == image->identity)
    *count = restores.count;
  return 0;
}

static int write_count(const struct image *image, int directory, unsigned count,
                       struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = {image->cache, image->application, file};
  format_generation_file(file, image->number, FORMAT_SUFFIX_RESTORES);
  CacheRestores restores = {.number = image->number,
                            .commit_checksum = image->identity,
                            .count = count};
  unsigned char bytes[sizeof(struct format_tag) + FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  size_t length = format_encode_restores(&restores, bytes + sizeof(tag));
  format_seal(&tag, FORMAT_MAGIC_RESTORES, bytes + sizeof(tag), length);
  memcpy(bytes, &tag, sizeof(tag));
  return io_replace_file(&place, directory, bytes, sizeof(tag) + length, error);
}

int cache_count_restore(struct cache *cache, const char *application,
                        uint64_t number, unsigned *count,
                        struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  int directory, lock = -1;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  struct image image = {.fd = -1};
  result = directory_lock(cache, application, directory, &lock, error);
  if (result == 0)
    result = image_open(&image, cache, application, directory, number, error);
  if (result == 0) {
    result = restores_read(&image, directory, count, error);
    if (result == 0 && *count < UINT32_MAX)
      ++*count;
    if (result == 0)
      result = write_count(&image, directory, *count, error);
    image_close(&image);
  }
  directory_unlock(cache, lock);
  io->close(directory);
  return result;
}
