/* space.h - giving back the flash that no generation refers to any more, and
 * keeping it while somebody reads or writes.
 *
 * The log is the application's: its parts write to it and read from it, and so
 * are the locks. Where a part is named, those of its application are meant.
 *
 * Invariant: nothing of a segment is given back while a generation, of the
 * application or of any of its parts, refers to it, while it is not known
 * durably that none does, while a reader is open, or while a generation is
 * written, which may refer to what nobody else does.
 */
#ifndef HWCKPT_CACHE_SPACE_H
#define HWCKPT_CACHE_SPACE_H

#include "directory.h"
#include "format.h"
#include "spans.h"

/* Makes the file that readers lock, when it is not there. */
int space_make_readers_file(struct cache *cache, const char *application,
                            struct hwckpt_error *error);

/* Keeps what is there until space_let_go(). *fd is -1 when there is nothing to
 * lock: no writer of this version has been there. */
int space_keep(struct cache *cache, const char *application, int *fd,
               struct hwckpt_error *error);
void space_let_go(struct cache *cache, int fd);

/* Keeps readers away until space_let_go(), so that a generation can be replaced
 * by another that says the same. *fd is -1 when somebody reads. */
int space_exclude(struct cache *cache, const char *application, int *fd,
                  struct hwckpt_error *error);

/* Keeps what is in the log, for who writes to it, until space_let_go(). *freed
 * says how often something was given back up to now. */
int space_hold(struct cache *cache, const char *application, int *fd,
               uint64_t *freed, struct hwckpt_error *error);

/* Where the log is referred to by the generations in one directory: ascending
 * and disjoint, in whole pages, a segment's number << 32 before the place. */
int space_find_live(struct cache *cache, const char *application, int directory,
                    struct spans *live, struct hwckpt_error *error);

/* Whether all of a frame lies there; for content_sweep(). */
bool space_is_live(const struct format_frame *frame, void *live);

/* Bytes on flash of all that is in the application's directory, and in those of
 * its parts. */
int space_used(struct cache *cache, const char *application, int directory,
               uint64_t *bytes, struct hwckpt_error *error);

/* Gives back what can be given back now of the application's log. The caller
 * holds the writer's lock at `lock`. That somebody reads, or writes a part, or
 * that a generation cannot be read, is no error: then all stays as it is, and
 * *done is false. */
int space_free(struct cache *cache, const char *application, int directory,
               int lock, bool *done, struct hwckpt_error *error);

#endif
