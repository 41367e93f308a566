/* nameless.h - a file of a writer's own that is appended to and read back.
 *
 * Invariant: it loses its name before anything is in it, so that nothing of it
 * stays, whoever dies (of who dies in between, an empty one that the next
 * writer removes). It is not synced: a loss of power takes it away with the
 * writer. What lies in it lies there as it is: what is to be sealed is not for
 * such a file.
 */
#ifndef HWCKPT_CACHE_NAMELESS_H
#define HWCKPT_CACHE_NAMELESS_H

#include "io.h"

struct nameless {
  int fd; /* -1: there is none yet */
  uint64_t length;
  bool named; /* its name could not be taken away */
};

/* Makes the file, the place's in `directory`, where there is none. */
int nameless_append(struct nameless *file, const struct place *place,
                    int directory, const void *data, size_t length,
                    struct hwckpt_error *error);

/* Reads bytes that are in it: where fewer come, it is the device's failure. */
int nameless_read(const struct nameless *file, const struct place *place,
                  void *data, size_t length, uint64_t offset,
                  struct hwckpt_error *error);

/* What was read is not what was written. */
int nameless_fail(const struct place *place, struct hwckpt_error *error);

void nameless_free(struct nameless *file, const struct place *place,
                   int directory);

#endif
