/* rekey.h - another key for what is encrypted already. */
#ifndef HWCKPT_TIERS_REKEY_H
#define HWCKPT_TIERS_REKEY_H

#include "seal.h"

#include "runtime/error.h"

/* Wraps the own key of the stream in the file that is open for reading and
 * writing, and must be its user's alone, with `to` instead of `from`: 80 bytes
 * are written in place, the rest stays as it is. Done again it is no failure.
 */
int rekey_file(int fd, const char *path, const struct seal_key *from,
               const struct seal_key *to, struct hwckpt_error *error);

#endif
