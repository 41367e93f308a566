/* log_write.c - getting the log's buffers to flash: by a queue of writes where
 * there is one, else, and whatever the queue could not do, one by one. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

struct place log_place(const struct log *log, char file[FORMAT_FILE_MAX]) {
  format_segment_file(file, log->number);
  return (struct place){log->cache, log->application, file};
}

/* ---- the file ---- */

/* Reserves flash ahead of the writes, doubling what the generation has, so that
 * the file lies in few pieces and its blocks are not allocated one write at a
 * time, and that one takes little beside the quota while it is written. A
 * refusal costs speed only: the writes tell when there is really no room. */
#define ALLOCATE_FIRST (UINT64_C(1) << 20)
#define ALLOCATE_MOST (UINT64_C(64) << 20)

static void allocate_ahead(struct log *log, uint64_t end) {
  struct session *session = log->session;
  const struct cache_io *io = log->cache->env->io;
  while (end > session->allocated) {
    uint64_t step = log->written;
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
  /* Whoever gives space back leaves it alone then; what cannot be locked is
   * left alone as well. */
  io->flock(fd, LOCK_SH | LOCK_NB);
  return 0;
}

static int make_segment(struct log *log, struct hwckpt_error *error) {
  struct session *session = log->session;
  char file[FORMAT_FILE_MAX];
  struct place place = log_place(log, file);
  if (!buffer_append(log->cache->env, &log->made, &log->number,
                     sizeof(log->number)))
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0, "create");
  int result = open_segment(log, O_CREAT | O_EXCL, true, error);
  if (result < 0) {
    log->made.length -= sizeof(log->number);
    return result;
  }
  session->segment = log->number;
  session->named = false;
  session->end = session->allocated = 0;
  return 0;
}

/* Goes on without O_DIRECT. */
static int leave_direct(struct log *log, struct hwckpt_error *error) {
  session_close_segment(log->cache, log->session);
  return open_segment(log, 0, false, error);
}

/* ---- writing ---- */

/* Whole pages. */
static int write_now(struct log *log, const unsigned char *bytes, size_t length,
                     uint64_t at, struct hwckpt_error *error) {
  const struct cache_io *io = log->cache->env->io;
  struct session *session = log->session;
  char file[FORMAT_FILE_MAX];
  struct place place = log_place(log, file);
  for (size_t done = 0; done < length;) {
    long put = io->pwrite(session->fd, bytes + done, length - done, at + done);
    if (put == -EINTR)
      continue;
    if (put > 0 && session->direct) /* goes on at a page, if at all */
      put = put < (long)CACHE_PAGE_SIZE ? -EINVAL
                                        : put & ~(long)(CACHE_PAGE_SIZE - 1);
    if (put == -EINVAL && session->direct) {
      int result = leave_direct(log, error);
      if (result < 0)
        return result;
      continue;
    }
    if (put <= 0)
      return place_fail_io(&place, error, put, "write");
    done += (size_t)put;
  }
  return 0;
}

/* What one write alone takes is what the device takes. */
static int write_alone(struct log *log, size_t length,
                       struct hwckpt_error *error) {
  const struct cache_io *io = log->cache->env->io;
  uint64_t begin = io->monotonic_ns();
  int result = write_now(log, log->buffer, length, log->at, error);
  uint64_t took = io->monotonic_ns() - begin;
  log->waited_ns += took;
  if (result == 0)
    pace_wrote(&log->cache->pace, length, took, took);
  return result;
}

/* ---- the queue ---- */

/* A queue is worth its making when there is more than one write. */
static bool has_queue(struct log *log) {
  struct session *session = log->session;
  const struct cache_env *env = log->cache->env;
  if (!session->direct || session->queue_refused || log->cache->writes < 2)
    return false;
  if (session->queue)
    return true;
  void *queue = env->map(CACHE_QUEUE_BYTES);
  if (!queue)
    return false;
  if (env->io->queue_open(queue) < 0) {
    env->unmap(queue, CACHE_QUEUE_BYTES);
    session->queue_refused = true;
    return false;
  }
  session->queue = queue;
  return true;
}

/* Takes the time of the device while writes are under way without a gap. */
#define MEASURE_BYTES (UINT64_C(8) << 20)

static void measure(struct log *log, uint64_t now) {
  pace_wrote(&log->cache->pace, log->measure_bytes, now - log->measure_begin,
             log->measure_waited);
  log->measure_begin = now;
  log->measure_bytes = log->measure_waited = 0;
}

/* Whether pwrite() is to do what a write in the queue did not. */
static bool is_for_pwrite(const struct log *log, long result) {
  return result >= 0 || result == -EAGAIN || result == -EINTR ||
         result == -ECANCELED || result == -EOPNOTSUPP ||
         (result == -EINVAL && log->session->direct);
}

static int finish(struct log *log, unsigned i, long result,
                  struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = log_place(log, file);
  if (result == (long)LOG_WRITE)
    return 0;
  if (!is_for_pwrite(log, result))
    return place_fail_io(&place, error, result, "write");
  if (result == -EOPNOTSUPP)
    log->session->queue_refused = true;
  size_t done = result < 0 ? 0 : (size_t)result & ~(CACHE_PAGE_SIZE - 1);
  return write_now(log, log->buffers[i].bytes + done, LOG_WRITE - done,
                   log->buffers[i].at + done, error);
}

/* Waits for one. That it cannot be waited for leaves it under way. */
static int take_one(struct log *log, struct hwckpt_error *error) {
  const struct cache_io *io = log->cache->env->io;
  char file[FORMAT_FILE_MAX];
  struct place place = log_place(log, file);
  uint64_t begin = io->monotonic_ns();
  unsigned i;
  long result;
  int waited = io->queue_wait(log->session->queue, &i, &result);
  if (waited < 0)
    return place_fail_io(&place, error, waited, "waiting for a write");
  log->buffers[i].under_way = false;
  log->under_way--;
  int finished = finish(log, i, result, error);
  uint64_t now = io->monotonic_ns();
  log->waited_ns += now - begin;
  log->measure_waited += now - begin;
  log->measure_bytes += LOG_WRITE;
  if (log->under_way == 0 || log->measure_bytes >= MEASURE_BYTES)
    measure(log, now);
  return finished;
}

/* A buffer that is not being written; null: there is none, nor memory for one.
 */
static unsigned char *find_free(struct log *log, unsigned *found) {
  for (unsigned i = 0; i < LOG_BUFFERS; i++) {
    if (log->buffers[i].under_way)
      continue;
    if (!log->buffers[i].bytes)
      log->buffers[i].bytes = log->cache->env->map(LOG_BUFFER);
    *found = i;
    return log->buffers[i].bytes;
  }
  return NULL;
}

/* Begins to write the buffer's first LOG_WRITE bytes; false: not taken. */
static bool begin_write(struct log *log) {
  const struct cache_io *io = log->cache->env->io;
  struct session *session = log->session;
  unsigned i = log->filling;
  uint64_t now = io->monotonic_ns();
  if (!has_queue(log) ||
      io->queue_write(session->queue, session->fd, log->buffer, LOG_WRITE,
                      log->at, i) < 0)
    return false;
  log->buffers[i].under_way = true;
  log->buffers[i].at = log->at;
  if (log->under_way++ == 0)
    log->measure_begin = now;
  return true;
}

/* The rest of a buffer that is being written goes to another one. Where there
 * is no memory for more, fewer are under way. */
static int go_on(struct log *log, size_t length, struct hwckpt_error *error) {
  unsigned next = log->filling;
  for (;;) {
    unsigned char *buffer = NULL;
    if (log->under_way < log->cache->writes)
      buffer = find_free(log, &next);
    if (buffer) {
      memmove(buffer, log->buffer + length, log->used);
      log->buffer = buffer;
      log->filling = next;
      return 0;
    }
    int result = take_one(log, error);
    if (result < 0)
      return result;
  }
}

int log_write(struct log *log, size_t length, struct hwckpt_error *error) {
  struct session *session = log->session;
  int result = session->fd < 0 ? make_segment(log, error) : 0;
  if (result < 0)
    return result;
  allocate_ahead(log, log->at + length);
  if (length != LOG_WRITE || !begin_write(log))
    result = write_alone(log, length, error);
  if (result < 0)
    return result;
  log->at += length;
  log->written += length;
  log->used -= length;
  return go_on(log, length, error);
}

int log_settle(struct log *log, struct hwckpt_error *error) {
  int first = 0;
  for (unsigned left = log->under_way; left; left--) {
    int result = take_one(log, first < 0 ? NULL : error);
    first = first < 0 ? first : result;
  }
  return first;
}
