/* history.h - what became of an application, restart by restart: kept in its
 * place in the cache, for `hwckpt list` and for `hwckpt run --restart` after a
 * reboot.
 *
 * A text file, a line an entry: CLOCK_REALTIME in ns, a word, the number of a
 * generation, the wait status. Invariant: an entry is appended whole or not at
 * all; what is not understood is skipped. */
#ifndef HWCKPT_HISTORY_H
#define HWCKPT_HISTORY_H

#include "runtime/error.h"

#include <stdbool.h>
#include <stdint.h>

enum history_what {
  HISTORY_BEGAN,     /* from its beginning; up to the generation they are of
                      * what was before it */
  HISTORY_RESTORED,  /* from the generation */
  HISTORY_ENDED,     /* status; all is done */
  HISTORY_STOPPED,   /* status; as whoever ran it wanted: it may go on later */
  HISTORY_FAILED,    /* status; to be restarted */
  HISTORY_GAVE_UP,   /* after too many failures */
  HISTORY_SET_ASIDE, /* the generation: an older one was gone back to */
};
#define HISTORY_WHATS 7u

struct history_entry {
  uint64_t realtime_ns;
  enum history_what what;
  uint64_t generation; /* 0: none */
  int status;          /* as of waitpid(2) */
};

/* Appends, durably. Of an application that is there. */
int history_add(const char *cache, const char *application,
                const struct history_entry *entry, struct hwckpt_error *error);

/* Calls visit with each, oldest first; nothing when there is none. */
void history_each(const char *cache, const char *application,
                  void (*visit)(const struct history_entry *entry,
                                void *context),
                  void *context);

/* Whether it was under way when its supervisor was last heard of. */
bool history_is_unfinished(const char *cache, const char *application);

/* The word of the file, and of JSON. */
const char *history_word(enum history_what what);

/* "killed by signal 9 (Killed)", "exit status 3". Returns buffer. */
char *history_status(char *buffer, unsigned size, int status);

#endif
