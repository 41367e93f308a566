/* own.h - what is opened of a tier is its user's alone. */
#ifndef HWCKPT_TIERS_OWN_H
#define HWCKPT_TIERS_OWN_H

#include "runtime/error.h"

#include <sys/types.h>

/* Opens a name in a directory; no symbolic link is followed, and no pipe waited
 * for. -1, and errno, as open(2). */
int own_open(int directory, const char *name, int flags);

/* Whether what is open is of that kind (S_IFREG, S_IFDIR), belongs to the
 * effective user, and can be written by nobody else: else TIER_OTHERS of name.
 * Whoever may write there says what is restored. */
int own_check(int fd, mode_t kind, const char *name,
              struct hwckpt_error *error);

#endif
