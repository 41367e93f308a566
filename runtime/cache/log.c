/* log.c - appending page frames to segments. */
#include "log.h"

#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define LOG_BUFFER (LOG_WRITE + FORMAT_FRAME_BYTES + CACHE_PAGE_SIZE)

static struct place log_place(const struct log *log,
                              char file[FORMAT_FILE_MAX]) {
  format_segment_file(file, log->number);
  return (struct place){log->cache, log->application, file};
}

/* ---- the file ---- */

/* Reserves flash ahead of the writes, doubling, so that the file lies in few
 * pieces and its blocks are not allocated one write at a time. A refusal costs
 * speed only: the writes tell when there is really no room. */
#define ALLOCATE_FIRST (UINT64_C(1) << 20)
#define ALLOCATE_MOST (UINT64_C(64) << 20)

static void allocate_ahead(struct log *log, uint64_t end) {
  struct session *session = log->session;
  const struct cache_io *io = log->cache->env->io;
  while (end > session->allocated) {
    uint64_t step = session->allocated;
    if (step < ALLOCATE_FIRST)
      step = ALLOCATE_FIRST;
    if (step > ALLOCATE_MOST)
      step = ALLOCATE_MOST;
    int result = io->fallocate(session->fd, 0, session->allocated, step);
    session->allocated = result < 0 ? UINT64_MAX : session->allocated + step;
  }
}

/* Around the page cache, which has no use for what is hardly ever read again,
 * unless the file system has no such thing. */
static int open_segment(struct log *log, int flags, bool direct,
                        struct hwckpt_error *error) {
  const struct cache_io *io = log->cache->env->io;
  struct session *session = log->session;
  char file[FORMAT_FILE_MAX];
  struct place place = log_place(log, file);
  flags |= O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
  int fd = -EINVAL;
  if (direct)
    fd = io->openat(log->directory, file, flags | O_DIRECT, 0600);
  session->direct = fd >= 0;
  if (fd == -EINVAL) {
    /* Some file systems find out only after they made the file. */
    if (direct && flags & O_CREAT)
      io->unlinkat(log->directory, file, 0);
    fd = io->openat(log->directory, file, flags, 0600);
  }
  if (fd < 0)
    return place_fail_io(&place, error, fd, "create");
  session->fd = fd;
  return 0;
}

static int make_segment(struct log *log, struct hwckpt_error *error) {
  struct session *session = log->session;
  int result = open_segment(log, O_CREAT | O_EXCL, true, error);
  if (result < 0)
    return result;
  session->segment = log->number;
  session->named = false;
  session->end = session->allocated = 0;
  if (!log->first_made)
    log->first_made = log->number;
  return 0;
}

/* Goes on without O_DIRECT. */
static int leave_direct(struct log *log, struct hwckpt_error *error) {
  struct session *session = log->session;
  log->cache->env->io->close(session->fd);
  session->fd = -1;
  return open_segment(log, 0, false, error);
}

/* Whole pages, from the buffer's begin. */
static int write_pages(struct log *log, size_t length,
                       struct hwckpt_error *error) {
  const struct cache_io *io = log->cache->env->io;
  struct session *session = log->session;
  char file[FORMAT_FILE_MAX];
  struct place place = log_place(log, file);
  int result = session->fd < 0 ? make_segment(log, error) : 0;
  if (result < 0)
    return result;
  allocate_ahead(log, log->at + length);
  for (size_t done = 0; done < length;) {
    long put = io->pwrite(session->fd, log->buffer + done, length - done,
                          log->at + done);
    if (put == -EINTR)
      continue;
    if (put > 0 && session->direct) /* goes on at a page, if at all */
      put = put < (long)CACHE_PAGE_SIZE ? -EINVAL
                                        : put & ~(long)(CACHE_PAGE_SIZE - 1);
    if (put == -EINVAL && session->direct) {
      if ((result = leave_direct(log, error)) < 0)
        return result;
      continue;
    }
    if (put <= 0)
      return place_fail_io(&place, error, put, "write");
    done += (size_t)put;
  }
  log->at += length;
  log->written += length;
  log->used -= length;
  memmove(log->buffer, log->buffer + length, log->used);
  return 0;
}

/* Fills up to the next page with zeros. */
static void pad(struct log *log) {
  size_t end =
      (log->used + CACHE_PAGE_SIZE - 1) & ~(size_t)(CACHE_PAGE_SIZE - 1);
  memset(log->buffer + log->used, 0, end - log->used);
  log->used = end;
}

static int write_rest(struct log *log, struct hwckpt_error *error) {
  pad(log);
  return log->used ? write_pages(log, log->used, error) : 0;
}

/* ---- segments ---- */

static void begin_segment(struct log *log, uint32_t number) {
  log->number = number;
  log->at = 0;
  segment_make_header(log->buffer, log->application, number);
  log->used = FORMAT_SEGMENT_HEADER;
}

static int sync_data(struct log *log, struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = log_place(log, file);
  int result = log->cache->env->io->fdatasync(log->session->fd);
  return result < 0 ? place_fail_io(&place, error, result, "fdatasync") : 0;
}

static int next_segment(struct log *log, struct hwckpt_error *error) {
  const struct cache_io *io = log->cache->env->io;
  struct session *session = log->session;
  int result = write_rest(log, error);
  if (result < 0)
    return result;
  /* What was allocated and not used goes back; a refusal costs space only. */
  if (session->allocated != UINT64_MAX && session->allocated > log->at)
    io->ftruncate(session->fd, log->at);
  result = sync_data(log, error);
  io->close(session->fd);
  session->fd = -1;
  if (result == 0)
    begin_segment(log, log->number + 1);
  return result;
}

/* ---- the log ---- */

int log_open(struct log *log, struct cache *cache, struct session *session,
             int directory, struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  *log = (struct log){.cache = cache,
                      .session = session,
                      .application = session->application,
                      .directory = directory};
  if (session->fd < 0) {
    int result = session_find_segment(cache, directory, session, error);
    if (result < 0)
      return result;
  }
  log->number = session->segment;
  log->buffer = cache->env->map(LOG_BUFFER);
  struct place place = log_place(log, file);
  if (!log->buffer)
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                      "buffer of %zu bytes", LOG_BUFFER);
  if (session->fd < 0)
    begin_segment(log, session->segment);
  else
    log->at = session->end;
  return 0;
}

int log_reserve(struct log *log, unsigned char **room,
                struct hwckpt_error *error) {
  uint64_t end = log->at + log->used;
  if (end > FORMAT_SEGMENT_HEADER &&
      end + FORMAT_FRAME_BYTES > log->cache->segment_bytes) {
    int result = next_segment(log, error);
    if (result < 0)
      return result;
  }
  *room = log->buffer + log->used;
  return 0;
}

int log_append(struct log *log, const void *raw, size_t stored,
               struct format_frame *frame, struct hwckpt_error *error) {
  if (raw) {
    pad(log);
    memcpy(log->buffer + log->used, raw, stored);
  }
  frame->segment = log->number;
  frame->offset = log->at + log->used;
  log->used += stored;
  while (log->used >= LOG_WRITE) {
    int result = write_pages(log, LOG_WRITE, error);
    if (result < 0)
      return result;
  }
  return 0;
}

bool log_is_held(const struct log *log) { return log->written == 0; }

const unsigned char *log_held(const struct log *log,
                              const struct format_frame *frame) {
  return log->buffer + (frame->offset - log->at);
}

int log_sync(struct log *log, struct hwckpt_error *error) {
  struct session *session = log->session;
  struct place place = {log->cache, log->application, NULL};
  int result = write_rest(log, error);
  if (result == 0)
    result = sync_data(log, error);
  if (result < 0 || session->named)
    return result;
  /* Names before the generation that needs them gets its own. */
  result = log->cache->env->io->fsync(log->directory);
  if (result < 0)
    return place_fail_io(&place, error, result, "fsync");
  session->named = true;
  return 0;
}

void log_commit(struct log *log) {
  struct session *session = log->session;
  if (log->written)
    session->end = log->at;
}

static void remove_made(struct log *log) {
  char file[FORMAT_FILE_MAX];
  session_leave_segment(log->cache, log->session);
  for (uint32_t number = log->first_made; number <= log->number; number++) {
    format_segment_file(file, number);
    log->cache->env->io->unlinkat(log->directory, file, 0);
  }
}

/* Little stays allocated for the next generation: it is lost until another
 * writer comes, if this one dies. */
#define ALLOCATE_KEEP (UINT64_C(1) << 20)

static void trim(struct log *log) {
  struct session *session = log->session;
  if (log->cache->env->io->ftruncate(session->fd, session->end) == 0)
    session->allocated = session->end;
}

static bool has_much_ahead(const struct log *log) {
  const struct session *session = log->session;
  return session->allocated != UINT64_MAX &&
         session->allocated > session->end + ALLOCATE_KEEP;
}

void log_close(struct log *log, enum log_end how) {
  if (log->buffer)
    log->cache->env->unmap(log->buffer, LOG_BUFFER);
  if (how == LOG_UNKNOWN)
    session_leave_segment(log->cache, log->session);
  else if (how == LOG_ABORTED && log->first_made)
    remove_made(log);
  else if (log->session->fd >= 0 &&
           (how == LOG_ABORTED ? log->written > 0 : has_much_ahead(log)))
    trim(log);
}
