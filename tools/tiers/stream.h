/* stream.h - a generation as one stream of bytes: what `hwckpt export` writes
 * and what lies in a tier. docs/format.md describes the bytes.
 *
 * Invariant: no chunk is handed out before its checksum, which covers all that
 * was before it, was compared, and before every number in it was checked; so a
 * stream from anyone can be read. What follows the end, or an end that is not
 * there, makes the stream wrong as a whole: who reads it believes nothing of it
 * until the end was seen.
 */
#ifndef HWCKPT_TIERS_STREAM_H
#define HWCKPT_TIERS_STREAM_H

#include "seal.h"

#include "runtime/cache/cache.h"

#define STREAM_MAGIC "HWCKPTX\n"
#define STREAM_VERSION 1u
#define STREAM_VERSION_TREE 2u /* of several processes, each whole */
#define STREAM_VERSION_COMMON                                                  \
  3u                           /* each may build on one, or have pages in      \
                                * common with others */
#define STREAM_RAW_MAX 262144u /* bytes of a chunk, decoded */
#define STREAM_PAGES_MAX 63u   /* pages of a chunk: with their table they fit */
#define STREAM_NUMBER_MAX (UINT64_C(1) << 53) /* of every count and address */

/* What a stream is a copy of: a generation; or that of the first process of a
 * tree and, behind it, those of its parts, whose names are without the
 * application. */
struct stream_identity {
  char application[CACHE_NAME_MAX];
  bool tree; /* parts may follow */
  bool part; /* it is one of them */
  uint64_t number, identity;
  uint64_t parent, parent_identity; /* builds on that; 0: stands alone */
  uint64_t commit_ns;               /* CLOCK_REALTIME */
};

/* Where bytes go. Returns 0 or a negative error. */
struct stream_sink {
  int (*write)(void *context, const void *data, size_t length,
               struct hwckpt_error *error);
  void *context;
  const struct seal_key *key; /* what is written is encrypted; null: is not */
};

/* Where bytes come from: *got is 0 at the end and only there. `name` is for
 * errors. With a key only what is encrypted is read, without only what is not.
 */
struct stream_source {
  int (*read)(void *context, void *data, size_t length, size_t *got,
              struct hwckpt_error *error);
  void *context;
  const char *name;
  const struct seal_key *key;
};

/* ---- writing ---- */

struct stream_writer;

/* `level` of zstd. The writer is the caller's until stream_end(). */
int stream_begin(const struct stream_sink *sink,
                 const struct stream_identity *identity, int level,
                 struct stream_writer **writer, struct hwckpt_error *error);
int stream_put_record(struct stream_writer *writer, uint32_t type,
                      const void *data, size_t length,
                      struct hwckpt_error *error);
/* What is older at these addresses counts no more. Before pages that are there.
 */
int stream_put_hole(struct stream_writer *writer, uint64_t begin, uint64_t end,
                    struct hwckpt_error *error);
int stream_put_pages(struct stream_writer *writer, uint64_t address,
                     const void *data, size_t count,
                     struct hwckpt_error *error);
/* Ends what was put until now, and begins the part of another process: of a
 * tree only. */
int stream_next(struct stream_writer *writer,
                const struct stream_identity *identity,
                struct hwckpt_error *error);
/* Pages that are at several places: of process i, counted as they began, at
 * address. Of a tree only, when no other process follows. */
struct stream_common_place {
  size_t process;
  uint64_t address;
};
int stream_put_common(struct stream_writer *writer, const void *data,
                      size_t count, const struct stream_common_place *places,
                      size_t place_count, struct hwckpt_error *error);
/* Writes the end, unless `failed`, and frees the writer. */
int stream_end(struct stream_writer *writer, int failed,
               struct hwckpt_error *error);

/* ---- reading ---- */

/* Who is told what is in a stream, in its order; any may be null. A non-zero
 * result ends the reading and is returned. `begin` is called for each process;
 * `common`, behind all else, says of which it is, counted from 0. */
struct stream_visitor {
  int (*begin)(const struct stream_identity *identity, void *context);
  int (*record)(uint32_t type, const void *data, size_t length, void *context);
  int (*hole)(uint64_t begin, uint64_t end, void *context);
  int (*pages)(uint64_t address, const void *data, size_t count, void *context);
  int (*common)(size_t process, uint64_t address, const void *data,
                size_t count, void *context);
  void *context;
};

/* Reads and checks the whole stream. */
int stream_read(const struct stream_source *source,
                const struct stream_visitor *visitor,
                struct hwckpt_error *error);

#endif
