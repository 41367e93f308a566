/* key.h - where the user's key is: a file, or what a command writes.
 *
 * Invariant: the key is in this process alone, which leaves no core while it
 * has it; on no command line, in no environment, in no program that we run. */
#ifndef HWCKPT_KEY_H
#define HWCKPT_KEY_H

#include "tools/tiers/seal.h"

#include "runtime/error.h"

struct key_request {
  const char *file, *command; /* at most one; neither: no key */
};

#define KEY_OPTIONS                                                            \
  {"key-file", required_argument, NULL, OPTION_KEY_FILE}, {                    \
    "key-command", required_argument, NULL, OPTION_KEY_COMMAND                 \
  }

/* Reads the key into *key; *used is key, or null when none is asked for. */
int key_read(const struct key_request *request, struct seal_key *key,
             const struct seal_key **used, struct hwckpt_error *error);

#endif
