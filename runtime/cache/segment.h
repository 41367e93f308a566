/* segment.h - segments: files of page frames that generations refer to.
 *
 * Invariant: a segment is not read when its header says that it is another than
 * it is named as, or of another application than it lies in; what lies in it is
 * under the checksums of those who refer to it.
 */
#ifndef HWCKPT_CACHE_SEGMENT_H
#define HWCKPT_CACHE_SEGMENT_H

#include "format.h"
#include "io.h"

/* Segments opened for reading, a few at a time. */
#define SEGMENT_FILES 4u
struct segment_files {
  struct cache *cache;
  const char *application; /* borrowed, like the directory */
  int directory;
  char log_of[CACHE_NAME_MAX]; /* the application whose log it is */
  int log_directory;           /* its directory; -1: not opened yet */
  struct {
    uint32_t number; /* 0: free */
    bool own;        /* of the part alone, as in older versions */
    int fd;
    int direct; /* past the page cache; -1: not asked for, or not to be had */
    bool refused;
  } open[SEGMENT_FILES];
  unsigned turn; /* the one to close next */
};

void segment_files_open(struct segment_files *files, struct cache *cache,
                        const char *application, int directory);
void segment_files_close(struct segment_files *files);

/* A descriptor for reading the segment, until the next call; `own`: it is the
 * part's, not of the application's log. */
int segment_files_get(struct segment_files *files, bool own, uint32_t number,
                      int *fd, struct hwckpt_error *error);

/* A descriptor of the same segment for reading past the page cache, whole pages
 * to whole pages; -1: there is none. */
int segment_files_direct(struct segment_files *files, bool own,
                         uint32_t number);

/* Writes the block that a segment begins with. */
void segment_make_header(void *block, const char *application, uint32_t number);

/* Opens a segment for reading and checks its header; cache_set_warn() for one
 * that is damaged. */
int segment_open(struct cache *cache, const char *application, int directory,
                 uint32_t number, int *fd, struct hwckpt_error *error);

#endif
