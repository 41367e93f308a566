/* stream_format.h - the bytes of a stream, for who writes and who reads them.
 *
 * A stream is a struct stream_head and chunks: a struct stream_chunk, then its
 * payload, which is coded with zstd when it is shorter so, and then encrypted
 * in a sealed stream: with it belong the chunk's first 16 bytes and the
 * checksum before. Each checksum is of all that was before it: the checksum
 * before (of the first chunk: that of the head), the chunk's first 16 bytes,
 * and its payload.
 */
#ifndef HWCKPT_TIERS_STREAM_FORMAT_H
#define HWCKPT_TIERS_STREAM_FORMAT_H

#include "stream.h"

struct stream_checksum {
  uint64_t low, high; /* XXH3, 128 bits */
};

struct stream_head {
  char magic[8];
  uint32_t version;
  uint32_t flags; /* STREAM_SEALED: struct seal_wrapped follows */
};
#define STREAM_SEALED 1u

enum stream_kind {
  STREAM_NOTHING,   /* of no chunk */
  STREAM_BEGIN = 1, /* struct stream_begin, the first */
  STREAM_RECORDS,   /* a part of the stream of records: u32 type, u32 length,
                     * bytes; it goes on in the next of this kind */
  STREAM_HOLES,     /* struct stream_range */
  STREAM_PAGES,     /* struct stream_pages, its runs, the pages */
  STREAM_END,       /* struct stream_totals, the last */
  STREAM_NEXT,      /* struct stream_totals; STREAM_BEGIN of a part follows */
  STREAM_COMMON,    /* struct stream_common, its places, the pages */
};

struct stream_chunk {
  uint32_t kind;
  uint32_t stored; /* bytes of the payload; equal to raw: as it is */
  uint32_t raw;    /* of it decoded, at most STREAM_RAW_MAX */
  uint32_t flags;  /* none yet */
  struct stream_checksum checksum;
};
#define STREAM_CHUNK_SUMMED 16u /* bytes of it that the checksum covers */

struct stream_begin {
  char application[CACHE_APPLICATION_MAX]; /* or PART; zeros behind it */
  uint64_t number, identity, parent, parent_identity, commit_ns;
};

struct stream_range {
  uint64_t begin, end; /* addresses, multiples of the page */
};

struct stream_run {
  uint64_t address, pages;
};
struct stream_pages {
  uint32_t runs, pages;
};

struct stream_place {
  uint32_t process;      /* as they began, from 0 */
  uint16_t first, pages; /* of those of the chunk */
  uint64_t address;
};
struct stream_common {
  uint32_t places, pages;
};

struct stream_totals { /* of one process */
  uint64_t record_bytes, holes, pages;
};

/* What belongs to an encrypted payload. */
struct stream_bound {
  unsigned char chunk[STREAM_CHUNK_SUMMED];
  struct stream_checksum before;
};
struct stream_bound stream_bind(const struct stream_chunk *chunk,
                                struct stream_checksum before);

/* The checksum of what follows `before`. */
struct stream_checksum stream_sum(struct stream_checksum before,
                                  const void *head, size_t head_length,
                                  const void *data, size_t length);

#endif
