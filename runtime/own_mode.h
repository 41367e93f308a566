/* own_mode.h - files of the user's own that are opened again with rights that
 * their mode does not give: it had others when they were opened first, or they
 * were made so, as git makes its packs. */
#ifndef HWCKPT_OWN_MODE_H
#define HWCKPT_OWN_MODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Whether own_mode_open() may open the file of this status. */
bool own_mode_may_open(const struct stat *now);

/* For whom openat(2) said EACCES, or openat2(2) with `resolve`: the owner has
 * the rights to read and to write for the moment in which it is opened. The
 * descriptor, or a negative errno; -EACCES for files of others too. Who is
 * killed in between leaves the owner these rights. Async-signal-safe. */
long own_mode_open(const char *path, uint64_t flags, uint64_t resolve);

#endif
