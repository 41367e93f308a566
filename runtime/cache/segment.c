/* segment.c - opening segments, and the block they begin with. */
#include "segment.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

void segment_make_header(void *block, const char *application,
                         uint32_t number) {
  CacheSegment segment = CacheSegment_init_zero;
  struct format_tag tag;
  unsigned char *bytes = block;
  hwckpt_format(segment.application, sizeof(segment.application), "%s",
                application);
  segment.number = number;
  memset(bytes, 0, FORMAT_SEGMENT_HEADER);
  size_t length = format_encode_segment(&segment, bytes + sizeof(tag));
  format_seal(&tag, FORMAT_MAGIC_SEGMENT, bytes + sizeof(tag), length);
  memcpy(bytes, &tag, sizeof(tag));
}

/* One that is damaged is told, once of each segment. */
static void tell_damaged(struct cache *cache, const struct place *place,
                         uint32_t number, const char *how) {
  struct hwckpt_error error;
  uint64_t which =
      format_hash(place->application, strlen(place->application)) + number;
  for (unsigned i = 0; cache->warn && i < DAMAGED_HEADS; i++) {
    uint64_t told = 0;
    if (atomic_compare_exchange_strong(&cache->damaged_heads[i], &told,
                                       which)) {
      place_fail(place, &error, HWCKPT_E_SEGMENT_HEAD, 0, "at byte 0: %s", how);
      cache->warn(&error);
    }
    if (told == 0 || told == which)
      return;
  }
}

static int read_header(const struct place *place, int fd,
                       struct format_tag *tag, CacheSegment *segment,
                       enum format_status *status, struct hwckpt_error *error) {
  unsigned char message[FORMAT_MESSAGE_MAX];
  int result = io_read(place, fd, tag, sizeof(*tag), 0, error);
  if (result < 0)
    return result;
  *status = format_check_tag(tag, FORMAT_MAGIC_SEGMENT);
  if (*status != FORMAT_OK)
    return 0;
  result = io_read(place, fd, message, tag->length, sizeof(*tag), error);
  if (result < 0)
    return result;
  *status = format_check(tag, FORMAT_MAGIC_SEGMENT, message);
  if (*status == FORMAT_OK &&
      !format_decode_segment(segment, message, tag->length))
    *status = FORMAT_DAMAGED;
  return 0;
}

/* A whole header says whose the segment is. A damaged one, or one the device
 * does not read, says nothing, and forbids nothing: what lies behind it is
 * under checksums of its own. */
static int check_header(struct cache *cache, const struct place *place, int fd,
                        uint32_t number, struct hwckpt_error *error) {
  struct format_tag tag;
  CacheSegment segment = CacheSegment_init_zero;
  enum format_status status = FORMAT_DAMAGED;
  int result = read_header(place, fd, &tag, &segment, &status, error);
  if (result < 0 && result != -HWCKPT_E_CACHE_IO)
    return result;
  if (result < 0) {
    tell_damaged(cache, place, number, "cannot be read");
    return 0;
  }
  if (status == FORMAT_OTHER)
    return place_fail(place, error, HWCKPT_E_CACHE_VERSION, 0,
                      "at byte 0: segment of version %u, this reads up to %u",
                      tag.version, FORMAT_VERSION);
  if (status != FORMAT_OK) {
    tell_damaged(cache, place, number, "does not match its checksum");
    return 0;
  }
  if (segment.number != number ||
      !format_same_name(segment.application, place->application))
    return place_fail(place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                      "at byte 0: is segment %llu of application '%s'",
                      (unsigned long long)segment.number, segment.application);
  return 0;
}

int segment_open(struct cache *cache, const char *application, int directory,
                 uint32_t number, int *fd, struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = {cache, application, file};
  uint64_t size;
  format_segment_file(file, number);
  int result = io_open_file(&place, directory, fd, &size, error);
  if (result < 0)
    return result;
  if (*fd < 0)
    return place_truncated(&place, error, 0, "the segment is missing");
  result = check_header(cache, &place, *fd, number, error);
  if (result < 0) {
    cache->env->io->close(*fd);
    *fd = -1;
  }
  return result;
}

void segment_files_open(struct segment_files *files, struct cache *cache,
                        const char *application, int directory) {
  *files = (struct segment_files){.cache = cache,
                                  .application = application,
                                  .directory = directory,
                                  .log_directory = -1};
}

static void close_one(struct segment_files *files, unsigned i) {
  const struct cache_io *io = files->cache->env->io;
  if (files->open[i].number == 0)
    return;
  io->close(files->open[i].fd);
  if (files->open[i].direct >= 0)
    io->close(files->open[i].direct);
  files->open[i].number = 0;
}

void segment_files_close(struct segment_files *files) {
  for (unsigned i = 0; i < SEGMENT_FILES; i++)
    close_one(files, i);
  if (files->log_directory >= 0)
    files->cache->env->io->close(files->log_directory);
  files->log_directory = -1;
}

/* Where it lies that is open, or SEGMENT_FILES. */
static unsigned find_open(const struct segment_files *files, bool own,
                          uint32_t number) {
  unsigned i = 0;
  while (i < SEGMENT_FILES &&
         (files->open[i].number != number || files->open[i].own != own))
    i++;
  return i;
}

static int open_one(struct segment_files *files, bool own, uint32_t number,
                    int *fd, struct hwckpt_error *error) {
  if (own)
    return segment_open(files->cache, files->application, files->directory,
                        number, fd, error);
  int result = 0;
  if (files->log_directory < 0)
    result = directory_open_log(files->cache, files->application, files->log_of,
                                &files->log_directory, error);
  return result < 0 ? result
                    : segment_open(files->cache, files->log_of,
                                   files->log_directory, number, fd, error);
}

int segment_files_get(struct segment_files *files, bool own, uint32_t number,
                      int *fd, struct hwckpt_error *error) {
  unsigned i = find_open(files, own, number);
  if (i < SEGMENT_FILES) {
    *fd = files->open[i].fd;
    return 0;
  }
  i = files->turn++ % SEGMENT_FILES;
  close_one(files, i);
  int result = open_one(files, own, number, fd, error);
  if (result == 0) {
    files->open[i].number = number;
    files->open[i].own = own;
    files->open[i].fd = *fd;
    files->open[i].direct = -1;
    files->open[i].refused = false;
  }
  return result;
}

int segment_files_direct(struct segment_files *files, bool own,
                         uint32_t number) {
  char file[FORMAT_FILE_MAX];
  unsigned i = find_open(files, own, number);
  if (i == SEGMENT_FILES || files->open[i].refused ||
      files->open[i].direct >= 0)
    return i == SEGMENT_FILES ? -1 : files->open[i].direct;
  format_segment_file(file, number);
  int fd = files->cache->env->io->openat(
      own ? files->directory : files->log_directory, file,
      O_RDONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  struct place place = {files->cache, files->application, file};
  if (fd >= 0 && io_check_file(&place, fd, NULL, NULL) < 0) {
    files->cache->env->io->close(fd);
    fd = -1;
  }
  files->open[i].refused = fd < 0;
  files->open[i].direct = fd < 0 ? -1 : fd;
  return files->open[i].direct;
}
