/* undo_log.h - what files were before they were changed: the bytes of a log,
 * and the logs of an application.
 *
 * One log holds what was changed between a generation and the next: of each
 * file, name and range of bytes its state when the generation was taken,
 * once. So a log says a state, not steps: taking it back twice is the same as
 * once; but for names, of which it says one from one rename of a folder, or
 * one that is made where a file was, to the next (a stretch), and which are
 * taken back a stretch at a time. Logs are numbered in the order in which they
 * were begun; those of a generation and all later ones, the newest first, lead
 * back to it.
 *
 * A record is whole in the log before what it is about is changed. Nothing is
 * made durable: a log survives the death of the program, not that of the
 * machine. Invariant: no length that a log says is used before it was checked
 * against the log, and no record before its checksum was.
 */
#ifndef HWCKPT_CACHE_UNDO_LOG_H
#define HWCKPT_CACHE_UNDO_LOG_H

#include "cache.h"

#define UNDO_PATH_MAX 4096u             /* bytes of a path, with NUL */
#define UNDO_DATA_MAX ((size_t)1 << 18) /* bytes of one record's data */

enum undo_kind {
  UNDO_BEGIN = 1, /* offset: the generation, from here on; mode 1: the log could
                   * not be written, and says nothing */
  UNDO_NAME,      /* path: led to what mode, device and inode say; mode 0: to
                   * nothing. Of a symbolic link, data is its content. */
  UNDO_FILE,      /* a regular file that was found at path: size and time */
  UNDO_DATA,      /* of a file: its bytes at offset */
  UNDO_WHOLE,     /* of a file: all its bytes are in this log */
  UNDO_INSTEAD,   /* of a file that went: offset, size and mtime_ns are device,
                   * inode and birth_ns of the one that was made in its place
                   * when the log after this one was taken back */
  UNDO_LEFT,      /* a file at path of which not all is in this log, however it
                   * is changed: size and time; mode 0: they do not tell */
  UNDO_UNSEEN,  /* a program at path, not all of whose changes are in this log;
                 * mode: why (enum undo_unseen) */
  UNDO_FOLDERS, /* a folder is renamed, or made where a file was: paths that
                 * follow lead through others than those before, and are noted
                 * anew */
  UNDO_DONE,    /* names and contents are taken back that were noted from
                 * offset on in this log */
  UNDO_ZEROS,   /* of a file: size bytes at offset, all of them zero */
};

/* In the device of UNDO_FILE, UNDO_DATA and UNDO_WHOLE, which no device has:
 * what the file held is for a name that it lost, when nobody knew where its
 * others were, and that is to be made again. UNDO_WHOLE alone: it was changed
 * by then, and what it held is under its own device. */
#define UNDO_SPARE ((uint64_t)1 << 63)

enum undo_unseen {
  UNSEEN_NO_RUNTIME = 1, /* it says nothing of what it changes */
  UNSEEN_ELSEWHERE,      /* the paths it sees lead elsewhere, or it is another
                          * user's */
  UNSEEN_NO_ANSWER,      /* it was not answered, and went on */
  UNSEEN_FILTER,         /* it forbids itself the calls that asking takes */
  UNSEEN_NETWORK,        /* it has left the network namespace */
  UNSEEN_SUCCESSOR,      /* it has the place of the process that kept the log */
  UNSEEN_LEFT,           /* that one has ended by itself, others went on */
  UNSEEN_NOT_HEARD,      /* others could not reach that one */
};

struct undo_record {
  enum undo_kind kind;
  uint32_t mode;          /* st_mode */
  uint64_t device, inode; /* of the file; and when it was made, for numbers */
  uint64_t birth_ns;      /* of inodes are used again; 0: not known */
  uint64_t offset;
  uint64_t size; /* bytes */
  uint64_t mtime_ns;
  uint32_t user, group;
  const char *path; /* "" or absolute, NUL-terminated */
  const void *data;
  size_t length; /* bytes of data */
};

/* The bytes in front of path and data, as they lie. */
#define UNDO_HEAD 96u
/* Fills head for the record whose path and data follow; returns bytes of the
 * whole record. */
size_t undo_encode(const struct undo_record *record, void *head);

/* The record at *at, which is moved behind it; path and data point into the
 * log. 1; 0: the log ends here, perhaps in the middle of a record that nobody
 * has relied on; -1: it is damaged here. */
int undo_decode(const void *log, size_t length, size_t *at,
                struct undo_record *record);

/* How records are sealed in the log of an encrypted application; key is null in
 * others, and lives as long as the cache. */
struct undo_sealing {
  uint64_t number; /* of the log */
  const struct cache_key *key;
};

/* Makes the application's next log, for writing; its descriptor or a negative
 * error. */
int cache_undo_create(struct cache *cache, const char *application,
                      struct undo_sealing *sealing, struct hwckpt_error *error);

/* Makes the sealed record that is to lie at that place in the log, in a room of
 * UNDO_ROOM bytes; its length, 0: it cannot be made. */
#define UNDO_ROOM (UNDO_DATA_MAX + UNDO_PATH_MAX + 4096u)
size_t undo_seal(const struct cache_io *io, const struct undo_sealing *sealing,
                 uint64_t at, const struct undo_record *record, void *room);

/* Calls visit for each log, the newest first, with its content in memory that
 * ends with the call, until it returns non-zero, which is returned. */
int cache_undo_each(struct cache *cache, const char *application,
                    int (*visit)(uint64_t number, const void *log,
                                 size_t length, void *context),
                    void *context, struct hwckpt_error *error);

/* Puts a record behind the first *length bytes of a log, which are then more;
 * what was there is gone. */
int cache_undo_append(struct cache *cache, const char *application,
                      uint64_t number, uint64_t *length,
                      const struct undo_record *record,
                      struct hwckpt_error *error);

/* Removes the logs from..to, the newest first. */
int cache_undo_remove(struct cache *cache, const char *application,
                      uint64_t from, uint64_t to, struct hwckpt_error *error);

/* Removes the logs that no generation that is there needs. */
int cache_undo_retain(struct cache *cache, const char *application,
                      struct hwckpt_error *error);

#endif
