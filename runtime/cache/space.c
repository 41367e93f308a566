/* space.c - giving back flash: removing segments, punching holes into them. */
#include "space.h"

#include "image.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PUNCH_HOLE 3 /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

/* ---- readers ---- */

#define OPEN_FILE (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

static int open_readers(struct cache *cache, const char *application,
                        int directory, int flags, int *fd,
                        struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_READERS_FILE};
  *fd = cache->env->io->openat(directory, FORMAT_READERS_FILE,
                               flags | OPEN_FILE, 0600);
  if (*fd < 0)
    return place_fail_io(&place, error, *fd, "open");
  int result = io_check_file(&place, *fd, NULL, error);
  if (result < 0)
    cache->env->io->close(*fd);
  return result;
}

int space_make_readers_file(struct cache *cache, const char *application,
                            int directory, struct hwckpt_error *error) {
  int fd;
  int result = open_readers(cache, application, directory, O_RDONLY | O_CREAT,
                            &fd, error);
  if (result == 0)
    cache->env->io->close(fd);
  return result;
}

static int lock_readers(struct cache *cache, int fd, int operation) {
  int locked;
  do
    locked = cache->env->io->flock(fd, operation);
  while (locked == -EINTR);
  return locked;
}

int space_keep(struct cache *cache, const char *application, int directory,
               int *fd, struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_READERS_FILE};
  const struct cache_io *io = cache->env->io;
  uint64_t size;
  int result = io_open_file(&place, directory, fd, &size, error);
  if (result < 0 || *fd < 0)
    return result;
  int locked = lock_readers(cache, *fd, LOCK_SH);
  if (locked == 0)
    return 0;
  io->close(*fd);
  *fd = -1;
  return place_fail_io(&place, error, locked, "flock");
}

int space_exclude(struct cache *cache, const char *application, int directory,
                  int *fd, struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_READERS_FILE};
  int result =
      open_readers(cache, application, directory, O_RDWR | O_CREAT, fd, error);
  if (result < 0) {
    *fd = -1;
    return result;
  }
  int locked = lock_readers(cache, *fd, LOCK_EX | LOCK_NB);
  if (locked == 0)
    return 0;
  cache->env->io->close(*fd);
  *fd = -1;
  return locked == -EWOULDBLOCK ? 0
                                : place_fail_io(&place, error, locked, "flock");
}

void space_let_go(struct cache *cache, int fd) {
  if (fd < 0)
    return;
  /* Said, not left to close(): a forked child may share the descriptor. */
  cache->env->io->flock(fd, LOCK_UN);
  cache->env->io->close(fd);
}

/* ---- what is referred to ---- */

/* Places in segments as addresses in one space. */
static uint64_t address_in(uint64_t segment, uint64_t offset) {
  return segment << 32 | offset;
}
_Static_assert(FORMAT_SEGMENT_LIMIT - 1 <= UINT32_MAX, "offset in a segment");

static bool add_live(const struct cache_env *env,
                     const struct format_frame *frame, struct spans *live) {
  if (frame->segment == 0)
    return true;
  uint64_t page = CACHE_PAGE_SIZE - 1;
  uint64_t begin = address_in(frame->segment, frame->offset);
  struct span span = {begin & ~page, (begin + frame->stored + page) & ~page,
                      SPAN_NO_SLOT};
  return spans_append(env, live, span);
}

static int add_generation(struct cache *cache, const char *application,
                          int directory, uint64_t number,
                          struct image_index *index, struct spans *live,
                          struct hwckpt_error *error) {
  struct image image;
  int result = image_open(&image, cache, application, directory, number, error);
  if (result < 0)
    return result;
  result = image_load_index(&image, index, error);
  bool room = true;
  for (uint64_t i = 0; result == 0 && room && i < image.commit.page_frames; i++)
    room = add_live(cache->env, &index->frames[i], live);
  struct place place = image_place(&image);
  if (!room)
    result = place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                        "listing what is referred to");
  image_close(&image);
  return result;
}

static int find_live(struct cache *cache, const char *application,
                     int directory, struct spans *live,
                     struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  struct buffer numbers = {0};
  struct image_index index = {0};
  int result = directory_numbers(cache, application, directory,
                                 format_parse_generation, &numbers, error);
  for (size_t i = 0; result == 0 && i < numbers.length / sizeof(uint64_t); i++)
    result = add_generation(cache, application, directory,
                            ((const uint64_t *)numbers.data)[i], &index, live,
                            error);
  if (result == 0 && !spans_resolve(cache->env, live))
    result = place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                        "listing what is referred to");
  index_free(cache->env, &index);
  buffer_free(cache->env, &numbers);
  return result;
}

/* ---- giving back ---- */

/* What can be refused without harm: then the space stays in use. */
static void trim_segment(struct cache *cache, const char *application,
                         int directory, uint32_t number, uint64_t kept_end,
                         const struct span *live, size_t count) {
  const struct cache_io *io = cache->env->io;
  char file[FORMAT_FILE_MAX];
  format_segment_file(file, number);
  struct place place = {cache, application, file};
  uint64_t at = FORMAT_SEGMENT_HEADER, size;
  int fd = io->openat(directory, file, O_WRONLY | OPEN_FILE, 0);
  if (fd < 0)
    return;
  if (io_check_file(&place, fd, &size, NULL) == 0) {
    for (size_t i = 0; i < count; i++) {
      uint64_t begin = live[i].begin & UINT32_MAX;
      if (begin > at)
        io->fallocate(fd, PUNCH_HOLE, at, begin - at);
      at = begin + (live[i].end - live[i].begin);
    }
    if (kept_end > at)
      io->fallocate(fd, PUNCH_HOLE, at, kept_end - at);
    else if (kept_end == 0 && size > at)
      io->ftruncate(fd, at);
  }
  io->close(fd);
}

/* The segment that the session appends to stays, whatever is in it. */
static void free_segments(struct cache *cache, const char *application,
                          int directory, const uint64_t *numbers, size_t count,
                          const struct spans *live) {
  const struct session *session = cache->session;
  static const struct span none[1];
  const struct span *at = spans_count(live) ? spans_at(live) : none;
  const struct span *end = at + spans_count(live);
  for (size_t i = 0; i < count; i++) {
    bool in_use = session && session->fd >= 0 && session->segment == numbers[i];
    char file[FORMAT_FILE_MAX];
    while (at < end && at->begin >> 32 < numbers[i])
      at++;
    const struct span *first = at;
    while (at < end && at->begin >> 32 == numbers[i])
      at++;
    if (at > first || in_use) {
      trim_segment(cache, application, directory, (uint32_t)numbers[i],
                   in_use ? session->end : 0, first, (size_t)(at - first));
      continue;
    }
    format_segment_file(file, (uint32_t)numbers[i]);
    cache->env->io->unlinkat(directory, file, 0);
  }
}

/* Whether all of a frame lies in what is live. */
static bool is_live(const struct format_frame *frame, void *context) {
  const struct spans *live = context;
  const struct span *at = spans_at(live);
  uint64_t address = address_in(frame->segment, frame->offset);
  size_t i = spans_behind(live, address);
  return i < spans_count(live) && at[i].begin <= address &&
         at[i].end >= address + frame->stored;
}

static int free_all(struct cache *cache, const char *application, int directory,
                    const uint64_t *numbers, size_t count,
                    struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  struct spans live = {0};
  int result = find_live(cache, application, directory, &live, error);
  /* Before what they referred to goes, the removed ones are gone for good. */
  if (result == 0) {
    int synced = cache->env->io->fsync(directory);
    if (synced < 0)
      result = place_fail_io(&place, error, synced, "fsync");
  }
  if (result == 0) {
    free_segments(cache, application, directory, numbers, count, &live);
    if (cache->session)
      content_sweep(&cache->session->content, is_live, &live);
  }
  spans_free(cache->env, &live);
  return result;
}

/* What is said of a generation's own bytes, not of the attempt to read them. */
static bool is_unreadable(int result) {
  return result == -HWCKPT_E_CACHE_DAMAGED ||
         result == -HWCKPT_E_CACHE_TRUNCATED ||
         result == -HWCKPT_E_CACHE_FORGED ||
         result == -HWCKPT_E_CACHE_VERSION || result == -HWCKPT_E_CACHE_OWNER ||
         result == -HWCKPT_E_CACHE_MODE;
}

int space_free(struct cache *cache, const char *application, int directory,
               int lock, bool *done, struct hwckpt_error *error) {
  struct buffer numbers = {0};
  int fd = -1;
  int result = directory_numbers(cache, application, directory,
                                 format_parse_segment, &numbers, error);
  size_t count = numbers.length / sizeof(uint64_t);
  *done = count == 0;
  if (result == 0 && count)
    result = space_exclude(cache, application, directory, &fd, error);
  if (fd >= 0) {
    result = session_take_turn(cache, application, lock, error);
    if (result == 0)
      result =
          free_all(cache, application, directory, numbers.data, count, error);
    *done = result == 0;
    if (is_unreadable(result))
      result = 0;
    space_let_go(cache, fd);
  }
  buffer_free(cache->env, &numbers);
  return result;
}

/* ---- what is in use ---- */

struct using {
  struct cache *cache;
  int directory;
  uint64_t bytes;
};

/* What cannot be looked at is none of ours, or just went. */
static int add_used(const char *name, void *context) {
  struct using *using = context;
  const struct cache_io *io = using->cache->env->io;
  struct stat status;
  int fd = io->openat(using->directory, name, O_RDONLY | OPEN_FILE, 0);
  if (fd < 0)
    return 0;
  if (io->fstat(fd, &status) == 0)
    using->bytes += (uint64_t)status.st_blocks * 512;
  io->close(fd);
  return 0;
}

int space_used(struct cache *cache, const char *application, int directory,
               uint64_t *bytes, struct hwckpt_error *error) {
  struct using using = {cache, directory, 0};
  int result = directory_each_name(cache, application, directory, add_used,
                                   &using, error);
  *bytes = using.bytes;
  return result;
}

int cache_used(struct cache *cache, const char *application, uint64_t *bytes,
               struct hwckpt_error *error) {
  int directory;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = space_used(cache, application, directory, bytes, error);
  cache->env->io->close(directory);
  return result;
}
