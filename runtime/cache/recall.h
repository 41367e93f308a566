/* recall.h - what is in the log already, read back by a writer that begins. */
#ifndef HWCKPT_CACHE_RECALL_H
#define HWCKPT_CACHE_RECALL_H

#include "session.h"

/* Fills the session's table of content from a generation and what it
 * builds on, or, when there is none, from those of the cache's relatives;
 * with none, or none that can be read, the table is empty and has a new seed.
 * Fails only when there is no randomness for that. The caller holds the log. */
int recall_content(struct cache *cache, struct session *session, int directory,
                   uint64_t number, struct hwckpt_error *error);

#endif
