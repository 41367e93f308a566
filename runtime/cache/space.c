/* space.c - giving back flash: removing segments, punching holes into them. */
#include "space.h"

#include "blocks.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PUNCH_HOLE 3 /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

/* ---- locks ---- */

#define OPEN_FILE (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/* In the directory that has the log; makes it when it is not there. */
static int open_lock(struct cache *cache, const char *name, const char *file,
                     int *fd, struct hwckpt_error *error) {
  char of[CACHE_NAME_MAX];
  struct place place = {cache, of, file};
  int directory;
  *fd = -1;
  int result = directory_open_log(cache, name, of, &directory, error);
  if (result < 0)
    return result;
  int opened = cache->env->io->openat(directory, file,
                                      O_RDWR | O_CREAT | OPEN_FILE, 0600);
  cache->env->io->close(directory);
  if (opened < 0)
    return place_fail_io(&place, error, opened, "open");
  result = io_check_file(&place, opened, NULL, error);
  if (result < 0)
    cache->env->io->close(opened);
  else
    *fd = opened;
  return result;
}

int space_make_readers_file(struct cache *cache, const char *application,
                            struct hwckpt_error *error) {
  int fd;
  int result = open_lock(cache, application, FORMAT_READERS_FILE, &fd, error);
  if (result == 0)
    cache->env->io->close(fd);
  return result;
}

static int take_lock(struct cache *cache, int fd, int operation) {
  int locked;
  do
    locked = cache->env->io->flock(fd, operation);
  while (locked == -EINTR);
  return locked;
}

/* *fd, which is closed and -1 when it cannot be had. */
static int lock_or_close(const struct place *place, int *fd, int operation,
                         struct hwckpt_error *error) {
  struct cache *cache = (struct cache *)place->cache;
  int locked = take_lock(cache, *fd, operation);
  if (locked == 0)
    return 0;
  cache->env->io->close(*fd);
  *fd = -1;
  return locked == -EWOULDBLOCK && operation & LOCK_NB
             ? 0
             : place_fail_io(place, error, locked, "flock");
}

int space_keep(struct cache *cache, const char *application, int *fd,
               struct hwckpt_error *error) {
  char of[CACHE_NAME_MAX];
  struct place place = {cache, of, FORMAT_READERS_FILE};
  int directory;
  uint64_t size;
  *fd = -1;
  int result = directory_open_log(cache, application, of, &directory, error);
  if (result < 0)
    return result;
  result = io_open_file(&place, directory, fd, &size, error);
  cache->env->io->close(directory);
  return result < 0 || *fd < 0 ? result
                               : lock_or_close(&place, fd, LOCK_SH, error);
}

int space_exclude(struct cache *cache, const char *application, int *fd,
                  struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_READERS_FILE};
  int result = open_lock(cache, application, FORMAT_READERS_FILE, fd, error);
  return result < 0 ? result
                    : lock_or_close(&place, fd, LOCK_EX | LOCK_NB, error);
}

/* How often space was given back; less than it is when it cannot be read. */
static int read_freed(const struct place *place, int fd, uint64_t *freed,
                      struct hwckpt_error *error) {
  long got;
  *freed = 0;
  do
    got = place->cache->env->io->pread(fd, freed, sizeof(*freed), 0);
  while (got == -EINTR);
  if (got < 0)
    return place_fail_io(place, error, got, "read");
  if (got < (long)sizeof(*freed))
    *freed = 0;
  return 0;
}

int space_hold(struct cache *cache, const char *application, int *fd,
               uint64_t *freed, struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_WRITERS_FILE};
  int result = open_lock(cache, application, FORMAT_WRITERS_FILE, fd, error);
  if (result == 0)
    result = lock_or_close(&place, fd, LOCK_SH, error);
  return result < 0 ? result : read_freed(&place, *fd, freed, error);
}

/* Waits for nobody: *fd is -1 when somebody writes. Counts up what writers
 * compare. */
static int exclude_writers(struct cache *cache, const char *application,
                           int *fd, uint64_t *freed,
                           struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_WRITERS_FILE};
  int result = open_lock(cache, application, FORMAT_WRITERS_FILE, fd, error);
  if (result == 0)
    result = lock_or_close(&place, fd, LOCK_EX | LOCK_NB, error);
  if (result < 0 || *fd < 0)
    return result;
  result = read_freed(&place, *fd, freed, error);
  ++*freed;
  return result < 0 ? result
                    : io_write(&place, *fd, freed, sizeof(*freed), 0, error);
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
  if (image_is_in_log(&image))
    result = image_load_frames(&image, index, error);
  bool room = true, is_in_log = image_is_in_log(&image);
  for (uint64_t i = 0;
       result == 0 && room && is_in_log && i < image.commit.page_frames; i++)
    room = add_live(cache->env, &index->frames[i], live);
  struct place place = image_place(&image);
  if (!room)
    result = place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                        "listing what is referred to");
  image_close(&image);
  return result;
}

static int add_directory(struct cache *cache, const char *application,
                         int directory, struct spans *live,
                         struct hwckpt_error *error) {
  struct buffer numbers = {0};
  struct image_index index = {0};
  int result = directory_numbers(cache, application, directory,
                                 format_parse_generation, &numbers, error);
  for (size_t i = 0; result == 0 && i < numbers.length / sizeof(uint64_t); i++)
    result = add_generation(cache, application, directory,
                            ((const uint64_t *)numbers.data)[i], &index, live,
                            error);
  index_free(cache->env, &index);
  buffer_free(cache->env, &numbers);
  return result;
}

static int resolve(struct cache *cache, const char *application,
                   struct spans *live, struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  return spans_resolve(cache->env, live)
             ? 0
             : place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                          "listing what is referred to");
}

int space_find_live(struct cache *cache, const char *application, int directory,
                    struct spans *live, struct hwckpt_error *error) {
  int result = add_directory(cache, application, directory, live, error);
  return result < 0 ? result : resolve(cache, application, live, error);
}

struct part_live {
  struct cache *cache;
  struct spans *live;
  struct hwckpt_error *error;
};

static int add_part(const char *name, void *context) {
  struct part_live *in = context;
  int directory;
  int result = directory_open(in->cache, name, &directory, in->error);
  if (result < 0)
    return result;
  result = add_directory(in->cache, name, directory, in->live, in->error);
  in->cache->env->io->close(directory);
  return result;
}

/* Of the application and of all its parts. */
static int find_live(struct cache *cache, const char *application,
                     int directory, struct spans *live,
                     struct hwckpt_error *error) {
  struct part_live parts = {cache, live, error};
  int result = add_directory(cache, application, directory, live, error);
  if (result == 0)
    result = cache_each_part(cache, application, add_part, &parts, error);
  return result < 0 ? result : resolve(cache, application, live, error);
}

/* ---- giving back ---- */

/* What can be refused without harm: then the space stays in use. What is behind
 * `end` stays in any case, unless that is 0. */
static void trim_segment(struct cache *cache, const struct place *place, int fd,
                         uint64_t end, const struct span *live, size_t count) {
  const struct cache_io *io = cache->env->io;
  uint64_t at = FORMAT_SEGMENT_HEADER, size;
  if (io_check_file(place, fd, &size, NULL) < 0)
    return;
  for (size_t i = 0; i < count; i++) {
    uint64_t begin = live[i].begin & UINT32_MAX;
    if (begin > at)
      io->fallocate(fd, PUNCH_HOLE, at, begin - at);
    at = begin + (live[i].end - live[i].begin);
  }
  if (end > at)
    io->fallocate(fd, PUNCH_HOLE, at, end - at);
  else if (end == 0 && size > at)
    io->ftruncate(fd, at);
}

/* The segment that a session appends to, ours or another's, stays, whatever is
 * in it. */
static void free_segment(struct cache *cache, const char *application,
                         int directory, uint32_t number,
                         const struct span *live, size_t count) {
  const struct cache_io *io = cache->env->io;
  const struct session *session = cache->session;
  bool ours = session && session->fd >= 0 && session->segment == number;
  char file[FORMAT_FILE_MAX];
  format_segment_file(file, number);
  struct place place = {cache, application, file};
  int fd = io->openat(directory, file, O_WRONLY | OPEN_FILE, 0);
  if (fd < 0)
    return;
  bool free = !ours && take_lock(cache, fd, LOCK_EX | LOCK_NB) == 0;
  if (free && count == 0)
    io->unlinkat(directory, file, 0);
  else
    trim_segment(cache, &place, fd,
                 ours   ? session->end
                 : free ? 0
                        : FORMAT_SEGMENT_HEADER,
                 live, count);
  io->close(fd);
}

static void free_segments(struct cache *cache, const char *application,
                          int directory, const uint64_t *numbers, size_t count,
                          const struct spans *live) {
  static const struct span none[1];
  const struct span *at = spans_count(live) ? spans_at(live) : none;
  const struct span *end = at + spans_count(live);
  for (size_t i = 0; i < count; i++) {
    while (at < end && at->begin >> 32 < numbers[i])
      at++;
    const struct span *first = at;
    while (at < end && at->begin >> 32 == numbers[i])
      at++;
    free_segment(cache, application, directory, (uint32_t)numbers[i], first,
                 (size_t)(at - first));
  }
}

bool space_is_live(const struct format_frame *frame, void *context) {
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
      content_sweep(&cache->session->content, space_is_live, &live);
  }
  spans_free(cache->env, &live);
  return result;
}

/* With everybody else kept away. */
static int free_alone(struct cache *cache, const char *application,
                      int directory, int lock, const struct buffer *numbers,
                      bool *done, struct hwckpt_error *error) {
  uint64_t freed;
  int fd;
  int result = exclude_writers(cache, application, &fd, &freed, error);
  if (result == 0 && fd >= 0)
    result = session_take_turn(cache, application, lock, error);
  if (result == 0 && fd >= 0) {
    result = free_all(cache, application, directory, numbers->data,
                      numbers->length / sizeof(uint64_t), error);
    *done = result == 0;
  }
  if (*done && cache->session)
    cache->session->freed = freed;
  space_let_go(cache, fd);
  return image_is_unreadable(result) ? 0 : result;
}

int space_free(struct cache *cache, const char *application, int directory,
               int lock, bool *done, struct hwckpt_error *error) {
  struct buffer numbers = {0};
  int fd = -1;
  int result = directory_numbers(cache, application, directory,
                                 format_parse_segment, &numbers, error);
  *done = numbers.length == 0;
  if (result == 0 && numbers.length)
    result = space_exclude(cache, application, &fd, error);
  if (fd >= 0) {
    result =
        free_alone(cache, application, directory, lock, &numbers, done, error);
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

static int add_used_by_part(const char *name, void *context) {
  struct using *using = context;
  uint64_t bytes;
  if (cache_used(using->cache, name, &bytes, NULL) == 0)
    using->bytes += bytes;
  return 0;
}

int space_used(struct cache *cache, const char *application, int directory,
               uint64_t *bytes, struct hwckpt_error *error) {
  struct using using = {cache, directory, 0};
  char of[CACHE_NAME_MAX];
  const char *part;
  int result = directory_each_name(cache, application, directory, add_used,
                                   &using, error);
  if (result == 0 && format_split_name(application, of, &part) && !part)
    result =
        cache_each_part(cache, application, add_used_by_part, &using, error);
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
