/* log.c - appending page frames to segments. */
#include "log.h"

#include "segment.h"

#include <string.h>

/* Fills up to the next page with zeros. */
static void pad(struct log *log) {
  size_t end =
      (log->used + CACHE_PAGE_SIZE - 1) & ~(size_t)(CACHE_PAGE_SIZE - 1);
  memset(log->buffer + log->used, 0, end - log->used);
  log->used = end;
}

static int write_rest(struct log *log, struct hwckpt_error *error) {
  pad(log);
  int result = log->used ? log_write(log, log->used, error) : 0;
  return result < 0 ? result : log_settle(log, error);
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
  session_leave_segment(log->cache, session);
  if (result == 0)
    result = session_find_segment(log->cache, log->directory, session, error);
  if (result == 0)
    begin_segment(log, session->segment);
  return result;
}

/* ---- the log ---- */

int log_open(struct log *log, struct cache *cache, struct session *session,
             int directory, struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  *log = (struct log){.cache = cache,
                      .session = session,
                      .application = session->log_of,
                      .directory = directory};
  if (session->fd < 0) {
    int result = session_find_segment(cache, directory, session, error);
    if (result < 0)
      return result;
  }
  log->number = session->segment;
  log->buffer = log->buffers[0].bytes = cache->env->map(LOG_BUFFER);
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
    int result = log_write(log, LOG_WRITE, error);
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
  const uint32_t *made = log->made.data;
  for (size_t i = 0; i < log->made.length / sizeof(*made); i++) {
    format_segment_file(file, made[i]);
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
  /* What is under way would be written into what others append. */
  bool lost = log_settle(log, NULL) < 0 && log->under_way;
  for (unsigned i = 0; i < LOG_BUFFERS; i++)
    if (log->buffers[i].bytes)
      log->cache->env->unmap(log->buffers[i].bytes, LOG_BUFFER);
  if (lost)
    session_leave_queue(log->cache, log->session);
  if (how == LOG_UNKNOWN || lost)
    session_leave_segment(log->cache, log->session);
  else if (how == LOG_ABORTED && log->made.length)
    remove_made(log);
  else if (log->session->fd >= 0 &&
           (how == LOG_ABORTED ? log->written > 0 : has_much_ahead(log)))
    trim(log);
  buffer_free(log->cache->env, &log->made);
}
