/* stream_input.h - bytes that are read as one stream. */
#ifndef HWCKPT_FUZZ_STREAM_INPUT_H
#define HWCKPT_FUZZ_STREAM_INPUT_H

#include "tools/tiers/copy.h"

struct stream_input {
  const uint8_t *data;
  size_t length, at;
  const struct seal_key *key; /* null: only what is not encrypted is read */
  const uint8_t *base;        /* a stream that this one is behind; null: none */
  size_t base_length;
  bool in_base; /* it is read */
};

/* The one stream, behind its base; borrowed. It may be opened any number of times. */
struct copy_sources stream_input_sources(struct stream_input *input);

#endif
