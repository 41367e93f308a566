/* writer.h - a generation being written, between its parts: writer.c takes
 * pages, holes and records, pages.c puts pages into frames or finds them in the
 * log, commit.c makes the whole durable.
 *
 * Invariant: nothing is visible under the generation's name before all of it,
 * the commit record included, is on flash.
 */
#ifndef HWCKPT_CACHE_WRITER_H
#define HWCKPT_CACHE_WRITER_H

#include "cipher.h"
#include "codec.h"
#include "format.h"
#include "io.h"
#include "keys.h"
#include "layers.h"
#include "log.h"
#include "spans.h"
#include "spool.h"

#define WRITER_OUTPUT ((size_t)1 << 20) /* bytes written at once */

/* Up to so many bytes of page frames go into the generation's own file: one
 * file to sync instead of two. */
#define WRITER_INLINE ((size_t)128 << 10)

/* A full frame, sealed. */
#define WRITER_FRAME (FORMAT_FRAME_BYTES + CACHE_PAGE_SIZE)

/* So many bytes of hashes of pages, and so many intervals that were put, are
 * kept in memory. Those of an encrypted generation all are: they are sealed in
 * one piece, and lie nowhere as they are. */
#define WRITER_HASHES ((size_t)64 << 10)
#define WRITER_SPANS ((size_t)32 << 10)

/* What is not kept in lists but told, by writer_list_extent() and
 * writer_list(), when index and hashes are written. */
struct writer_told {
  int (*extents)(struct cache_writer *writer, void *context,
                 struct hwckpt_error *error);
  int (*hashes)(struct cache_writer *writer, void *context,
                struct hwckpt_error *error);
  void *context;
};

struct cache_writer {
  struct cache *cache;
  char application[CACHE_NAME_MAX];
  char file[FORMAT_FILE_MAX];      /* the name when committed */
  char temporary[FORMAT_FILE_MAX]; /* the name until then */
  uint64_t number, newest;         /* its own; the newest before it */
  uint64_t known;                  /* whose content may be referred to */
  CacheHeader header;
  CacheCommit commit;
  int directory, lock, fd;
  int log_directory;       /* where the log is */
  int held;                /* of it, for as long as it is written */
  struct session *session; /* taken from the cache meanwhile */
  int failed; /* code of the first failure: the generation cannot be whole */

  /* Merging: the commit record of the committed generation that this one takes
   * the place of, null otherwise; frames from `taken_over` on are as they are
   * in segments. */
  const CacheCommit *replaces;
  uint32_t taken_over;
  const struct writer_told *told; /* its extents, and hashes of those frames */

  struct log log; /* page frames */
  bool published; /* others may refer to what it has in the log */

  /* The generation file's bytes so far: `written` in the file, then the output
   * buffer. Made when the generation is committed. */
  unsigned char *output;
  size_t output_length;
  uint64_t written;

  /* The index or the hashes, while they are written. */
  struct buffer *list; /* collects what is sealed */
  uint64_t listed;     /* bytes */
  struct format_hashing list_hash;
  struct span extent; /* that was listed last, and may go on; empty: none */

  /* Coding. `frame` collects pages until full. */
  int level;               /* that the encoder has, or CACHE_LEVEL_AUTO */
  int coded_with;          /* of the encoder, now */
  struct encoder *encoder; /* null at level 0; lies in workspace */
  void *workspace;
  size_t workspace_size;
  const struct cache_key *key; /* what is written is sealed; null: as it is */
  unsigned char *frame;        /* WRITER_FRAME bytes */
  unsigned frame_used;         /* pages in it */
  uint32_t frame_index;        /* of it in frames */
  uint32_t frame_known;        /* and in what the session knows */

  uint64_t stamp;        /* of what it adds to the session's content */
  uint32_t known_from;   /* frames the session knew before */
  struct buffer frames;  /* struct format_frame, of its own or referred to */
  struct spool hashes;   /* struct format_page_hash of its own */
  struct layers put;     /* pages and zero pages in the order put */
  struct spans holes;    /* in the order put */
  struct buffer records; /* the stream: struct format_record and bytes */
};

struct place writer_place(const struct cache_writer *writer);

int writer_no_memory(struct cache_writer *writer, struct hwckpt_error *error);

/* Says who the generation is: number, header, and what of the commit record is
 * known; under the writer's lock. */
typedef int writer_identify_fn(struct cache_writer *writer, void *context,
                               struct hwckpt_error *error);

/* Opens a writer. A positive result of identify ends it and is returned. */
int writer_open(struct cache *cache, const char *application, int level,
                writer_identify_fn *identify, void *context,
                struct cache_writer **writer, struct hwckpt_error *error);

/* For identify: the newest generation's number (0: none), and taking one. */
int writer_find_newest(struct cache_writer *writer, struct hwckpt_error *error);
void writer_take_number(struct cache_writer *writer, uint64_t number);

/* Notes where pages lie, or that there are none. */
int writer_put_span(struct cache_writer *writer, struct span span,
                    struct hwckpt_error *error);

/* Where what was put has no room in memory. */
struct place writer_extents_place(const struct cache_writer *writer);

/* A place in the generation's list of frames. */
int writer_add_frame(struct cache_writer *writer,
                     const struct format_frame *frame, uint32_t *index,
                     struct hwckpt_error *error);

/* Appends a page without an address, whether or not its content is known. */
int writer_append_page(struct cache_writer *writer, const unsigned char *data,
                       uint64_t *slot, struct hwckpt_error *error);

/* Puts pages that are to be stored. */
int writer_put_stored(struct cache_writer *writer, uint64_t address,
                      const unsigned char *data, size_t count,
                      struct hwckpt_error *error);

/* Codes `length` bytes into `room`; the coded length, or 0: store them as they
 * are. */
size_t writer_code(struct cache_writer *writer, void *room, const void *data,
                   size_t length);

/* Where in the room for a frame it is coded to. */
static inline unsigned char *writer_coded(const struct cache_writer *writer,
                                          void *room) {
  return (unsigned char *)room + (writer->key ? CIPHER_NONCE : 0);
}

/* Fills in a frame whose `raw` bytes are coded, `stored` bytes at
 * writer_coded() of the room, or stored as they are (0). Seals it, where that
 * is due. *bytes is where it lies then: in the room, or at `data`. */
int writer_make_frame(struct cache_writer *writer, enum key_use use, void *room,
                      size_t stored, const void *data, size_t raw,
                      struct format_frame *frame, const void **bytes,
                      struct hwckpt_error *error);

/* Seals length bytes that lie at room + CIPHER_NONCE, or at data, of this
 * generation. */
int writer_seal(struct cache_writer *writer, enum key_use use, const void *data,
                size_t length, void *room, struct hwckpt_error *error);

/* Adds to the list that is being written. */
int writer_list(struct cache_writer *writer, const void *data, size_t length,
                struct hwckpt_error *error);
/* The same with an extent of the index, behind those before it. */
int writer_list_extent(struct cache_writer *writer, const struct span *extent,
                       struct hwckpt_error *error);

/* Goes through the hashes of its own pages, when no frame is being filled. */
int writer_each_hash(struct cache_writer *writer, spool_visit_fn *visit,
                     void *context, struct hwckpt_error *error);

/* Of its own are the frames it has the hashes of, but for what it took over. */
bool writer_is_own(const struct cache_writer *writer, size_t frame);

/* Few page frames go into the file itself. */
bool writer_is_small(const struct cache_writer *writer);

/* Codes what the last frame has so far. */
int writer_end_frame(struct cache_writer *writer, struct hwckpt_error *error);

/* Ends the writer; its temporary file is removed when it is still there. */
void writer_end(struct cache_writer *writer, enum log_end how);

#endif
