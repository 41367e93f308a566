/* space.h - giving back the flash that no generation refers to any more, and
 * keeping it while somebody reads.
 *
 * Invariant: nothing of a segment is given back while a generation refers to
 * it, while it is not known durably that none does, or while a reader is open.
 */
#ifndef HWCKPT_CACHE_SPACE_H
#define HWCKPT_CACHE_SPACE_H

#include "directory.h"

/* Makes the file that readers lock, when it is not there. */
int space_make_readers_file(struct cache *cache, const char *application,
                            int directory, struct hwckpt_error *error);

/* Keeps what is there until space_let_go(). *fd is -1 when there is nothing to
 * lock: no writer of this version has been there. */
int space_keep(struct cache *cache, const char *application, int directory,
               int *fd, struct hwckpt_error *error);
void space_let_go(struct cache *cache, int fd);

/* Keeps readers away until space_let_go(), so that a generation can be replaced
 * by another that says the same. *fd is -1 when somebody reads. */
int space_exclude(struct cache *cache, const char *application, int directory,
                  int *fd, struct hwckpt_error *error);

/* Bytes on flash of all that is in the application's directory. */
int space_used(struct cache *cache, const char *application, int directory,
               uint64_t *bytes, struct hwckpt_error *error);

/* Gives back what can be given back now. The caller holds the writer's lock at
 * `lock`. That a reader is open, or a generation cannot be read, is no error:
 * then all stays as it is, and *done is false. */
int space_free(struct cache *cache, const char *application, int directory,
               int lock, bool *done, struct hwckpt_error *error);

#endif
