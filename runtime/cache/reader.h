/* reader.h - a generation with all it builds on, opened for reading. */
#ifndef HWCKPT_CACHE_READER_H
#define HWCKPT_CACHE_READER_H

#include "image.h"

/* One generation of the chain. Its file is opened when it is read, and must
 * then be the one it was: a chain may be longer than a process may have
 * descriptors. */
struct chain_link {
  uint64_t number;
  uint64_t checksum; /* of its commit record */
  uint64_t identity;
  unsigned frame_pages;
  uint64_t page_frames;
  bool in_log; /* image_is_in_log() */
  bool loaded; /* index */
  struct image_index index;
};

struct cache_reader {
  struct cache *cache;
  int directory;
  int kept; /* lock that keeps what is read */
  struct cache_generation generation;
  struct buffer chain;   /* struct chain_link, the generation itself first */
  struct buffer records; /* the stream of records */
  struct buffer found;   /* size_t: where in it each record begins */
};

static inline struct chain_link *reader_link(const struct cache_reader *reader,
                                             size_t i) {
  return (struct chain_link *)reader->chain.data + i;
}

/* Opens one generation of the chain again. */
int reader_open_link(struct cache_reader *reader, size_t i, struct image *image,
                     struct hwckpt_error *error);

/* Reads and checks the index of one, unless that was done before. It stays
 * until the reader is closed. */
int reader_load_index(struct cache_reader *reader, size_t i,
                      struct hwckpt_error *error);

/* Reads an image's frames of records, checking them, and appends the stream. */
int image_read_records(const struct image *image,
                       const struct image_index *index, struct buffer *records,
                       struct hwckpt_error *error);

/* The count of restores of an image, 0 when it was never restored. */
int restores_read(const struct image *image, int directory, unsigned *count,
                  struct hwckpt_error *error);

/* Fills in what an image says of itself. */
void image_describe(const struct image *image,
                    struct cache_generation *generation);

/* The same from its parts. */
void describe_generation(struct cache_generation *generation,
                         const CacheHeader *header, const CacheCommit *commit);

#endif
