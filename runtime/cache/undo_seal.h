/* undo_seal.h - records of undo logs of encrypted applications: each is sealed
 * (cipher.h) in an envelope that says how long it is. */
#ifndef HWCKPT_CACHE_UNDO_SEAL_H
#define HWCKPT_CACHE_UNDO_SEAL_H

#include "cipher.h"
#include "io.h"
#include "keys.h"
#include "undo_log.h"

/* What stands before a record; it is closed in the file. Opening a log
 * decrypts records in their places, and changes nothing of where they are. */
struct undo_envelope {
  char magic[4];
  uint16_t version, opened;
  uint64_t checksum; /* of what is behind it, and of its length */
  uint32_t length;   /* of that: nonce, record, tag */
  uint32_t reserved;
  unsigned char nonce[CIPHER_NONCE];
};
#define UNDO_ENVELOPE sizeof(struct undo_envelope)
_Static_assert(sizeof(struct undo_envelope) == 24 + CIPHER_NONCE,
               "the layout is the format");

/* Whether there is one, and of how many bytes the whole is, once it is known to
 * be in the log: 1, 0: it goes on behind the end, -1: none or damaged. */
int undo_envelope_look(const void *bytes, size_t left, size_t *whole,
                       bool *opened);

/* Opens all envelopes of a log, as far as they are whole. What is none is made
 * to be damaged. CACHE_FORGED. */
int undo_open(const struct place *place, const struct cache_key *key,
              uint64_t number, void *log, size_t length,
              struct hwckpt_error *error);

#endif
