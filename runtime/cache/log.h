/* log.h - the end of an application's log: page frames appended to segments.
 *
 * Invariant: a block of a segment that a committed generation refers to is
 * never written again: what a generation adds begins at a page of its own, at
 * or behind the end of what was committed. Segments are written in whole pages,
 * in writes of LOG_WRITE bytes but for the last, around the page cache where
 * the file system lets us, several at the same time where the kernel does. A
 * buffer does not change while it is written, and all of them are when a
 * segment is synced, left or given up.
 */
#ifndef HWCKPT_CACHE_LOG_H
#define HWCKPT_CACHE_LOG_H

#include "format.h"
#include "io.h"
#include "session.h"

#define LOG_WRITE ((size_t)1 << 20) /* bytes written at once */
#define LOG_BUFFER (LOG_WRITE + FORMAT_FRAME_BYTES + CACHE_PAGE_SIZE)
#define LOG_BUFFERS (CACHE_QUEUE_DEPTH + 1)

struct log {
  struct cache *cache;
  struct session *session;
  const char *application; /* whose log it is; borrowed, like the directory */
  int directory;
  unsigned char *buffer; /* that is being filled: one of those below */
  size_t used;
  uint32_t number; /* of the segment the buffer's first byte belongs to */
  uint64_t at;     /* and its place there */
  uint64_t written;
  struct buffer made; /* uint32_t: segments that this generation made */

  struct {
    unsigned char *bytes; /* LOG_WRITE, a frame and a page; null: none yet */
    bool under_way;       /* it is being written */
    uint64_t at;          /* in the segment */
  } buffers[LOG_BUFFERS];
  unsigned filling, under_way;
  /* Since the queue was empty, or a rate was measured: */
  uint64_t measure_begin, measure_bytes, measure_waited;
  uint64_t waited_ns; /* for the device, in all */
};

/* Begins at the session's end of the log; takes memory, touches no file. */
int log_open(struct log *log, struct cache *cache, struct session *session,
             int directory, struct hwckpt_error *error);

/* Room for a frame of up to FORMAT_FRAME_BYTES, as it will be coded. */
int log_reserve(struct log *log, unsigned char **room,
                struct hwckpt_error *error);

/* Appends the `stored` bytes of a frame: those put at the room, or, when `raw`
 * is given, those there, at a page of their own. Fills in where they lie. */
int log_append(struct log *log, const void *raw, size_t stored,
               struct format_frame *frame, struct hwckpt_error *error);

/* Writes the first `length` bytes, whole pages, of the buffer, and goes on
 * with the rest of it. They may be under way when it returns. */
int log_write(struct log *log, size_t length, struct hwckpt_error *error);

/* Waits until nothing is under way; the first failure. */
int log_settle(struct log *log, struct hwckpt_error *error);

struct place log_place(const struct log *log, char file[FORMAT_FILE_MAX]);

/* Bytes not written yet, and whether they are all there is. */
bool log_is_held(const struct log *log);

/* Where a frame lies that is held. */
const unsigned char *log_held(const struct log *log,
                              const struct format_frame *frame);

/* Writes all of it and makes it durable, with the names of new segments. */
int log_sync(struct log *log, struct hwckpt_error *error);

/* What was synced is part of a committed generation. */
void log_commit(struct log *log);

enum log_end {
  LOG_COMMITTED, /* log_commit() was called */
  LOG_ABORTED,   /* nobody refers to it: what was made for it is removed */
  LOG_UNKNOWN,   /* somebody may: nothing of it is touched any more */
};

/* Gives back the memory, and what was allocated ahead beyond need. */
void log_close(struct log *log, enum log_end how);

#endif
