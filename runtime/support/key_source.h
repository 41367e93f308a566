/* key_source.h - the user's key, from a file or a command, in a program that no
 * hwckpt stands by. What hwckpt itself does with --key-file and --key-command.
 *
 * Invariant: what is read is in private memory, and gone when these return. On
 * a thread of the runtime's, after private_hide(). KEY_SOURCE.
 */
#ifndef HWCKPT_SUPPORT_KEY_SOURCE_H
#define HWCKPT_SUPPORT_KEY_SOURCE_H

#include "../cache/cache.h"

#include <time.h>

int key_source_file(const char *path, struct cache_key *key,
                    struct hwckpt_error *error);
/* A command that has neither written nor ended for `patience` is ended. */
int key_source_command(const char *command, const char *directory,
                       const struct timespec *patience, struct cache_key *key,
                       struct hwckpt_error *error);

#endif
