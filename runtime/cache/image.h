/* image.h - one generation file, opened for reading.
 *
 * Invariant: an opened image is whole as far as it was read: its length, its
 * header, its commit record and, once loaded, its index are consistent with
 * each other and with their checksums, so that frames, extents and holes can be
 * used without further checks.
 */
#ifndef HWCKPT_CACHE_IMAGE_H
#define HWCKPT_CACHE_IMAGE_H

#include "cipher.h"
#include "format.h"
#include "io.h"
#include "keys.h"
#include "segment.h"
#include "spans.h"

struct image {
  struct cache *cache;
  char application[CACHE_NAME_MAX];
  char file[FORMAT_FILE_MAX];
  uint64_t number;
  int directory; /* the application's; borrowed */
  int fd;
  unsigned version;            /* of the format it is written in */
  uint64_t size;               /* bytes of the file */
  uint64_t frames_offset;      /* where the header ends */
  uint64_t identity;           /* what children call it by; outlives a merge */
  uint64_t checksum;           /* of its commit record; does not outlive one */
  const struct cache_key *key; /* of what is encrypted; null: not had */
  CacheHeader header;
  CacheCommit commit;
};

/* Bytes that sealing adds. */
static inline size_t image_more(const struct image *image) {
  return image->header.encrypted ? CIPHER_MORE : 0;
}

/* Opens what is sealed, `length` bytes in all, into room; CACHE_FORGED. */
int image_unseal(const struct image *image, enum key_use use, uint64_t offset,
                 const void *sealed, size_t length, void *room,
                 struct hwckpt_error *error);

/* Opens generation `number` in the application's directory; reads and checks
 * header and commit record. NO_GENERATION when there is none. image->size is
 * set, and for the rest zero, when the file is there but damaged. */
int image_open(struct image *image, struct cache *cache,
               const char *application, int directory, uint64_t number,
               struct hwckpt_error *error);
void image_close(struct image *image);

/* Whether an error is about the generation's own file; others end a walk
 * through several. */
bool image_is_unreadable(int result);

/* Whether the segments it refers to are the application's, and not, as of a
 * part in an older version, its own. */
bool image_is_in_log(const struct image *image);

/* Opens the generation that `above`, which may be closed, builds on;
 * CHAIN_BROKEN when it is missing or another. */
int image_open_parent(struct image *image, const struct image *above,
                      struct hwckpt_error *error);

/* CHAIN_BROKEN: what is wrong with the generation below. */
int image_fail_chain(const struct image *image, uint64_t below, const char *why,
                     struct hwckpt_error *error);
struct place image_place(const struct image *image);

/* What the index says; freed by index_free(). */
struct image_index {
  struct buffer bytes;               /* as read */
  struct buffer frame_list;          /* struct format_frame, when converted */
  const struct format_frame *frames; /* page frames, then record frames */
  struct spans extents;              /* ascending, disjoint, with slots */
  struct spans holes;                /* ascending, disjoint, without */
};

/* A list behind the frames, as the commit record tells of it. */
struct image_list {
  enum key_use use;
  uint64_t offset, length; /* in the file; bytes when it is not sealed */
  uint64_t checksum;
  const char *damage; /* what to say of it */
};
struct image_list image_index_list(const struct image *image);
struct image_list image_hashes_list(const struct image *image);

/* Reads all of one into the buffer, checks and unseals it. */
int image_load_list(const struct image *image, const struct image_list *list,
                    struct buffer *into, struct hwckpt_error *error);

/* Checking an index whose bytes are known to be whole. *index has them, and its
 * frames; extents and holes follow, each in its order, by index_check_extent()
 * and index_check_hole(). */
struct index_check {
  const struct image *image;
  struct buffer runs; /* uint64_t: what an extent may span from a frame on */
  uint64_t extents, extents_end, pages;
  uint64_t holes, holes_end;
};
int index_check_begin(struct index_check *check, const struct image *image,
                      struct image_index *index, struct hwckpt_error *error);
int index_check_extent(struct index_check *check,
                       const struct format_extent *extent,
                       struct hwckpt_error *error);
int index_check_hole(struct index_check *check, const struct format_hole *hole,
                     struct hwckpt_error *error);
int index_check_end(struct index_check *check, struct hwckpt_error *error);

/* Where extents and holes begin, in the index. */
uint64_t image_extents_at(const struct image *image);
uint64_t image_holes_at(const struct image *image);

/* Reads and checks the index; the buffers in *index are used again. */
int image_load_index(const struct image *image, struct image_index *index,
                     struct hwckpt_error *error);
void index_free(const struct cache_env *env, struct image_index *index);

/* Reads and checks the hashes of pages, as struct format_page_hash, in the
 * order of the frames with FORMAT_FRAME_HASHED. */
int image_load_hashes(const struct image *image, struct buffer *hashes,
                      struct hwckpt_error *error);

/* Decodes frames; memory for it is taken once, segments stay open. */
struct frame_reader {
  const struct cache_env *env;
  void *workspace; /* of the decoder */
  size_t workspace_size;
  struct decoder *decoder;
  struct buffer stored; /* frames as they lie in the file */
  struct buffer raw;    /* frames after decoding */
  bool once;            /* what the kernel has not is read past its memory */
  bool from_flash;      /* also what the kernel has in memory is read anew */
  struct segment_files segments;
};

/* For images of one application, whose directory is borrowed. */
int frame_reader_open(struct frame_reader *reader, struct cache *cache,
                      const char *application, int directory,
                      struct hwckpt_error *error);
void frame_reader_close(struct frame_reader *reader);

/* Takes the memory to read frames of that many bytes, stored and decoded. */
int frame_reader_reserve(struct frame_reader *reader, size_t stored, size_t raw,
                         struct hwckpt_error *error);

/* Most frames read at once. */
#define FRAME_BATCH CACHE_UNIT_FRAMES_MAX

/* Whether two frames, one after the other in the index, can be read at once. */
bool frame_follows(const struct format_frame *frame,
                   const struct format_frame *next);

/* Reads `count` (<= FRAME_BATCH) frames from `first` on, of which each follows
 * the one before, checks and decodes them. data[i] is where frame first + i
 * lies, until the next call; frames that are full and coded alike lie one after
 * the other. Where into[i] is not null (into may be), the frame is put there,
 * and data[i] says so. */
int frame_reader_read(struct frame_reader *reader, const struct image *image,
                      const struct image_index *index, uint64_t first,
                      unsigned count, unsigned char *const into[FRAME_BATCH],
                      const unsigned char *data[FRAME_BATCH],
                      struct hwckpt_error *error);

#endif
