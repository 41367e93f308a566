/* stream_input.c - see stream_input.h. */
#include "stream_input.h"

#include <string.h>

static int get(void *context, void *data, size_t length, size_t *got,
               struct hwckpt_error *error) {
  struct stream_input *input = context;
  const uint8_t *bytes = input->in_base ? input->base : input->data;
  size_t left =
      (input->in_base ? input->base_length : input->length) - input->at;
  (void)error;
  *got = length < left ? length : left;
  if (*got)
    memcpy(data, bytes + input->at, *got);
  input->at += *got;
  return 0;
}

static int begin(void *context, size_t i, struct stream_source *source,
                 struct hwckpt_error *error) {
  struct stream_input *input = context;
  (void)error;
  input->at = 0;
  input->in_base = input->base && i == 0;
  *source = (struct stream_source){get, input, "input", input->key};
  return 0;
}

static void end(void *context, size_t i) {
  (void)context;
  (void)i;
}

struct copy_sources stream_input_sources(struct stream_input *input) {
  return (struct copy_sources){begin, end, input, input->base ? 2 : 1};
}
