/* reseal.h - makes the checksums of a mutated file right again, so that a
 * fuzzer gets behind them to what they protect.
 */
#ifndef HWCKPT_TEST_RESEAL_H
#define HWCKPT_TEST_RESEAL_H

#include "tools/tiers/seal.h"

#include <stddef.h>
#include <stdint.h>

/* A generation file: returns a copy (to be freed) with all checksums, and the
 * fields that point from one part of the file to another, as they would be had
 * it been written so. parent_commit is the identity of generation 1. */
unsigned char *reseal_generation(const unsigned char *bytes, size_t length,
                                 uint64_t parent_commit, size_t *new_length);

/* A tag with its message behind it, in place. */
void reseal_tag(unsigned char *bytes, size_t length);

/* The records of an undo log, in place. */
void reseal_undo(unsigned char *bytes, size_t length);

/* The chunks of a stream, in place. */
void reseal_stream(unsigned char *bytes, size_t length);

/* The same stream encrypted: a copy, to be freed, or null where there is no
 * head. What is behind its last whole chunk is left out. */
unsigned char *seal_stream(const unsigned char *bytes, size_t length,
                           const struct seal_key *key, size_t *new_length);

#endif
