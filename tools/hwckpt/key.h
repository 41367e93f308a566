/* key.h - where the user's key is: a file, or what a command writes.
 *
 * Invariant: the key is in this process alone, which leaves no core while it
 * has it; on no command line, in no environment, in no program that we run. */
#ifndef HWCKPT_KEY_H
#define HWCKPT_KEY_H

#include "tools/tiers/seal.h"

#include "runtime/cache/cache.h"

struct key_request {
  const char *file, *command; /* at most one; neither: no key */
};

#define KEY_OPTIONS                                                            \
  {"key-file", required_argument, NULL, OPTION_KEY_FILE}, {                    \
    "key-command", required_argument, NULL, OPTION_KEY_COMMAND                 \
  }

/* A request that the command line left open is what the text of options says:
 * key_file, key_command. `room` is where that stays. */
#define KEY_PLACE_MAX 4096
struct key_room {
  char file[KEY_PLACE_MAX], command[KEY_PLACE_MAX];
};
void key_settle(struct key_request *request, const char *options,
                struct key_room *room);

/* Reads the key that this command has to do with, if any, settled by
 * HWCKPT_OPTIONS where it was not before: caches are opened with it from now
 * on. `only`: what is not encrypted with it is refused. The request's texts are
 * not copied. */
int key_take(const struct key_request *request, bool only,
             struct hwckpt_error *error);
/* Where that is; neither: there is none. */
const struct key_request *key_source(void);
/* Whether another key, or none, is what helps against an error. */
bool key_is_at_fault(enum hwckpt_code code);
/* Null: there is none. */
const struct seal_key *key_taken(void);

/* cache_open(), with that. */
int key_open_cache(const char *path, bool create, struct cache **cache,
                   struct hwckpt_error *error);

/* Reads a key into *key; *used is key, or null when none is asked for. */
int key_read(const struct key_request *request, struct seal_key *key,
             const struct seal_key **used, struct hwckpt_error *error);

#endif
