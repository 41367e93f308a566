/* writer.h - a generation being written, between its halves: writer.c takes
 * pages, holes and records, commit.c makes the whole durable.
 *
 * Invariant: nothing is visible under the generation's name before all of it,
 * the commit record included, is on flash.
 */
#ifndef HWCKPT_CACHE_WRITER_H
#define HWCKPT_CACHE_WRITER_H

#include "codec.h"
#include "format.h"
#include "io.h"
#include "spans.h"

#define WRITER_OUTPUT ((size_t)1 << 20) /* bytes written at once */

struct cache_writer {
  struct cache *cache;
  char application[CACHE_NAME_MAX];
  char file[FORMAT_FILE_MAX];      /* the name when committed */
  char temporary[FORMAT_FILE_MAX]; /* the name until then */
  uint64_t number, parent;
  int directory, lock, fd;
  int failed; /* code of the first failure: the generation cannot be whole */
  uint64_t header_checksum;

  /* The file's bytes so far: `written` in the file, then the output buffer,
   * which has room for a frame beyond WRITER_OUTPUT. */
  unsigned char *output;
  size_t output_length;
  uint64_t written;
  uint64_t allocated; /* bytes fallocated; UINT64_MAX: refused */

  /* Coding. `frame` collects pages, or the stream of records, until full. */
  int level;
  struct encoder *encoder; /* null at level 0; lies in workspace */
  void *workspace;
  size_t workspace_size;
  unsigned char *frame;

  uint64_t slots;        /* pages put into frames, replaced ones too */
  struct buffer frames;  /* struct format_frame */
  struct spans put;      /* pages and zero pages in the order put */
  struct spans holes;    /* in the order put */
  struct buffer records; /* the stream: struct format_record and bytes */
};

#define WRITER_FRAME_USED(writer)                                              \
  ((size_t)((writer)->slots % FORMAT_FRAME_PAGES))

struct place writer_place(const struct cache_writer *writer);

/* Codes `length` bytes (<= FORMAT_FRAME_BYTES) as the next frame. */
int writer_put_frame(struct cache_writer *writer, const void *data,
                     size_t length, struct hwckpt_error *error);

/* Appends bytes to the file. */
int writer_put_bytes(struct cache_writer *writer, const void *data,
                     size_t length, struct hwckpt_error *error);

/* Writes the output buffer down to the last byte. */
int writer_flush(struct cache_writer *writer, struct hwckpt_error *error);

/* Ends the writer; its temporary file is removed when it is still there. */
void writer_end(struct cache_writer *writer, bool remove);

#endif
