/* blocks.h - the index of a generation, and the hashes of its pages, read in
 * blocks: for who goes through them once or twice and has no room for all of
 * them, which are 16 bytes for each page.
 *
 * Invariant: what is handed out was checked. When a list is added all of it is
 * read and compared with its checksum, and of each block a sum is kept that it
 * is compared with whenever it is read again. What is sealed is opened as a
 * whole, and so is kept as a whole.
 */
#ifndef HWCKPT_CACHE_BLOCKS_H
#define HWCKPT_CACHE_BLOCKS_H

#include "image.h"

/* A multiple of all that the lists consist of. */
#define BLOCK_BYTES ((size_t)16 << 10)

struct block_list {
  uint64_t number;         /* the generation */
  uint64_t offset, length; /* in its file; bytes when it is not sealed */
  size_t kept;             /* its first sum; sealed: its place in `plain` */
  bool sealed;
  const char *damage;
};

struct blocks {
  struct cache *cache;
  const char *application; /* borrowed, like the directory */
  int directory;
  struct buffer sums;  /* uint64_t, one for each block */
  struct buffer plain; /* of what is sealed, opened */
};

void blocks_free(struct blocks *blocks);

/* A block that was read; all zero: none yet. */
struct block_window {
  unsigned char *bytes; /* BLOCK_BYTES, the caller's */
  uint64_t number, offset;
  size_t length; /* 0: none */
};

/* Reads and checks a list; the window is for its blocks. */
int blocks_add(struct blocks *blocks, const struct image *image,
               const struct image_list *what, struct block_window *window,
               struct block_list *list, struct hwckpt_error *error);

/* Hands out what is at an offset of the list: *length bytes, to the end of the
 * block or the list, until the window is used again. The file is opened when
 * fd is -1. */
int blocks_read(const struct blocks *blocks, const struct block_list *list,
                int fd, uint64_t offset, struct block_window *window,
                const void **data, size_t *length, struct hwckpt_error *error);

/* Reads and checks the index of a generation; *index has the frames of it, and
 * neither extents nor holes. `list` may be null. */
int blocks_load_frames(struct blocks *blocks, const struct image *image,
                       struct block_window *window, struct image_index *index,
                       struct block_list *list, struct hwckpt_error *error);

/* The same for one image alone. */
int image_load_frames(const struct image *image, struct image_index *index,
                      struct hwckpt_error *error);

#endif
