/* undo_seal.c - see undo_seal.h. */
#include "undo_seal.h"

#include "format.h"

#include <string.h>

#define MAGIC "hwks"
#define VERSION 1

static uint64_t hash(const struct undo_envelope *envelope, const void *sealed) {
  return format_hash(sealed, envelope->length) ^ envelope->length;
}

static struct key_bound bind_to(uint64_t number, uint64_t at) {
  return (struct key_bound){KEY_UNDO, number, at};
}

size_t undo_seal(const struct cache_io *io, const struct undo_sealing *sealing,
                 uint64_t at, const struct undo_record *record, void *room) {
  unsigned char *plain = (unsigned char *)room + UNDO_ENVELOPE;
  struct undo_envelope *envelope = room;
  struct key_bound bound = bind_to(sealing->number, at);
  size_t length = undo_encode(record, plain);
  size_t path = length - UNDO_HEAD - record->length;
  if (path)
    memcpy(plain + UNDO_HEAD, record->path, path);
  if (record->length)
    memcpy(plain + UNDO_HEAD + path, record->data, record->length);
  if (cipher_seal(io, sealing->key, &bound, sizeof(bound), plain, length,
                  envelope->nonce) < 0)
    return 0;
  memcpy(envelope->magic, MAGIC, sizeof(envelope->magic));
  envelope->version = VERSION;
  envelope->opened = 0;
  envelope->length = (uint32_t)(length + CIPHER_MORE);
  envelope->reserved = 0;
  envelope->checksum = hash(envelope, envelope->nonce);
  return UNDO_ENVELOPE + length + CIPHER_TAG;
}

int undo_envelope_look(const void *bytes, size_t left, size_t *whole,
                       bool *opened) {
  struct undo_envelope envelope;
  const size_t before = offsetof(struct undo_envelope, nonce);
  if (left < sizeof(envelope))
    return 0;
  memcpy(&envelope, bytes, sizeof(envelope));
  if (memcmp(envelope.magic, MAGIC, sizeof(envelope.magic)) != 0 ||
      envelope.version != VERSION || envelope.reserved != 0 ||
      envelope.length < CIPHER_MORE + UNDO_HEAD ||
      envelope.length > UNDO_ROOM - before)
    return -1;
  if (envelope.length > left - before)
    return 0;
  *whole = before + envelope.length;
  *opened = envelope.opened != 0;
  return *opened || envelope.checksum ==
                        hash(&envelope, (const char *)bytes + before)
             ? 1
             : -1;
}

int undo_open(const struct place *place, const struct cache_key *key,
              uint64_t number, void *log, size_t length,
              struct hwckpt_error *error) {
  for (size_t at = 0, whole; at < length; at += whole) {
    unsigned char *bytes = (unsigned char *)log + at;
    struct key_bound bound = bind_to(number, at);
    struct undo_envelope envelope;
    const uint16_t is_open = 1;
    bool opened;
    int found = undo_envelope_look(bytes, length - at, &whole, &opened);
    if (found < 0 || (found > 0 && opened)) {
      bytes[0] = 0; /* nor is it taken for a record that is not sealed */
      return 0;
    }
    if (found == 0)
      return 0;
    memcpy(&envelope, bytes, sizeof(envelope));
    if (!cipher_open(key, &bound, sizeof(bound),
                     bytes + offsetof(struct undo_envelope, nonce),
                     envelope.length, bytes + UNDO_ENVELOPE))
      return place_fail(place, error, HWCKPT_E_CACHE_FORGED, 0,
                        "at byte %zu: what is encrypted there", at);
    memcpy(bytes + offsetof(struct undo_envelope, opened), &is_open,
           sizeof(is_open));
  }
  return 0;
}
