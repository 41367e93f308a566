/* session.c - what is remembered from generation to generation. */
#include "session.h"

#include "format.h"
#include "io.h"
#include "space.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* The turn that was taken last; 0 when none was. */
static long read_turn(struct cache *cache, int lock, uint64_t *turn) {
  const struct cache_io *io = cache->env->io;
  long got;
  *turn = 0;
  do
    got = io->pread(lock, turn, sizeof(*turn), 0);
  while (got == -EINTR);
  /* Whoever died in the middle of the first is no session any more. */
  if (got >= 0 && got < (long)sizeof(*turn))
    *turn = 0;
  return got;
}

void session_close_segment(struct cache *cache, struct session *session) {
  if (session->fd < 0)
    return;
  cache->env->io->flock(session->fd, LOCK_UN);
  cache->env->io->close(session->fd);
  session->fd = -1;
}

void session_leave_segment(struct cache *cache, struct session *session) {
  session_close_segment(cache, session);
  session->segment = 0;
}

void session_leave_queue(struct cache *cache, struct session *session) {
  if (!session->queue)
    return;
  cache->env->io->queue_close(session->queue);
  cache->env->unmap(session->queue, CACHE_QUEUE_BYTES);
  session->queue = NULL;
}

static void end(struct cache *cache, struct session *session) {
  if (!session)
    return;
  session_leave_queue(cache, session);
  session_leave_segment(cache, session);
  content_forget(cache->env, &session->content);
  cache->env->unmap(session, sizeof(*session));
}

static void forget(struct cache *cache) {
  end(cache, cache->session);
  cache->session = NULL;
}

/* Gives back what was allocated for generations to come, while it is surely
 * nobody else's. */
static void trim(struct cache *cache, int lock) {
  struct session *session = cache->session;
  uint64_t turn;
  if (read_turn(cache, lock, &turn) >= 0 && turn == session->turn)
    cache->env->io->ftruncate(session->fd, session->end);
}

void session_close(struct cache *cache) {
  struct session *session = cache->session;
  int directory, lock;
  if (session && session->fd >= 0 && session->allocated > session->end &&
      directory_open(cache, session->application, &directory, NULL) == 0) {
    if (directory_lock(cache, session->application, directory, &lock, NULL) ==
        0) {
      trim(cache, lock);
      directory_unlock(cache, lock);
    }
    cache->env->io->close(directory);
  }
  forget(cache);
}

int session_take_turn(struct cache *cache, const char *application, int lock,
                      struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_LOCK_FILE};
  uint64_t turn;
  long got = read_turn(cache, lock, &turn);
  if (got < 0)
    return place_fail_io(&place, error, got, "read");
  struct session *session = cache->session;
  if (session && (turn != session->turn ||
                  !format_same_name(session->application, application)))
    forget(cache);
  turn++;
  if (cache->session)
    cache->session->turn = turn;
  return io_write(&place, lock, &turn, sizeof(turn), 0, error);
}

/* A new one, whose turn is the one just taken. */
static int make(struct cache *cache, const char *application, int lock,
                struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_LOCK_FILE};
  uint64_t turn;
  int result = space_make_readers_file(cache, application, error);
  if (result < 0)
    return result;
  long got = read_turn(cache, lock, &turn);
  if (got < 0)
    return place_fail_io(&place, error, got, "read");
  struct session *session = cache->env->map(sizeof(*session));
  if (!session)
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                      "beginning a generation");
  const char *part;
  session->fd = -1;
  session->turn = turn;
  format_split_name(application, session->log_of, &part);
  hwckpt_format(session->application, sizeof(session->application), "%s",
                application);
  cache->session = session;
  return 0;
}

int session_begin(struct cache *cache, const char *application, int lock,
                  struct session **session, struct hwckpt_error *error) {
  int result = session_take_turn(cache, application, lock, error);
  if (result == 0 && !cache->session)
    result = make(cache, application, lock, error);
  *session = result == 0 ? cache->session : NULL;
  if (result == 0)
    cache->session = NULL;
  return result;
}

void session_return(struct cache *cache, struct session *session) {
  if (!session)
    return;
  forget(cache); /* of another application, written meanwhile */
  cache->session = session;
}

/* ---- numbers of segments ---- */

static int find_newest(struct cache *cache, const char *log_of, int directory,
                       uint64_t *newest, struct hwckpt_error *error) {
  struct buffer numbers = {0};
  int result = directory_numbers(cache, log_of, directory, format_parse_segment,
                                 &numbers, error);
  size_t count = numbers.length / sizeof(uint64_t);
  *newest = count ? ((const uint64_t *)numbers.data)[count - 1] : 0;
  buffer_free(cache->env, &numbers);
  return result;
}

/* Above what is there, and what others took who have made none yet. */
static int take_number(const struct place *place, int directory, int fd,
                       struct session *session, struct hwckpt_error *error) {
  struct cache *cache = (struct cache *)place->cache;
  uint64_t newest, last = 0;
  int result = find_newest(cache, session->log_of, directory, &newest, error);
  if (result < 0)
    return result;
  long got = cache->env->io->pread(fd, &last, sizeof(last), 0);
  if (got < 0)
    return place_fail_io(place, error, got, "read");
  if (got == (long)sizeof(last) && last > newest && last < UINT32_MAX)
    newest = last;
  if (newest >= UINT32_MAX)
    return place_fail(place, error, HWCKPT_E_CAPTURE, EFBIG,
                      "no number is left for a segment");
  newest++;
  result = io_write(place, fd, &newest, sizeof(newest), 0, error);
  if (result == 0)
    session->segment = (uint32_t)newest;
  return result;
}

int session_find_segment(struct cache *cache, int directory,
                         struct session *session, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, session->log_of, FORMAT_NUMBERS_FILE};
  if (session->segment)
    return 0;
  int fd = io->openat(
      directory, FORMAT_NUMBERS_FILE,
      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "open");
  int result = io_check_file(&place, fd, NULL, error);
  int locked = -EINTR;
  while (result == 0 && locked == -EINTR)
    locked = io->flock(fd, LOCK_EX);
  if (result == 0 && locked < 0)
    result = place_fail_io(&place, error, locked, "flock");
  if (result == 0)
    result = take_number(&place, directory, fd, session, error);
  io->flock(fd, LOCK_UN);
  io->close(fd);
  return result;
}
