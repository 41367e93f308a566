/* copy_in.c - a generation of a cache from streams. */
#include "copy.h"

/* Records are those of the last stream; pages are those of all, the newest at
 * each address. */
struct input {
  struct cache_writer *writer;
  const char *name; /* of the stream */
  bool last;
  struct stream_identity before; /* of the stream that was read last */
  struct hwckpt_error *error;
};

static int take_begin(const struct stream_identity *identity, void *context) {
  struct input *input = context;
  if (identity->parent != input->before.number ||
      (identity->parent && identity->parent_identity != input->before.identity))
    return hwckpt_fail(input->error, HWCKPT_E_STREAM_DAMAGED, 0, input->name,
                       identity->parent
                           ? "it builds on a generation that is not here"
                           : "it builds on none, but is to");
  input->before = *identity;
  return 0;
}

static int take_record(uint32_t type, const void *data, size_t length,
                       void *context) {
  struct input *input = context;
  return input->last
             ? cache_put_record(input->writer, type, data, length, input->error)
             : 0;
}

static int take_hole(uint64_t begin, uint64_t end, void *context) {
  struct input *input = context;
  return cache_put_absent(input->writer, begin, end - begin, input->error);
}

/* Zeros too: they are in a generation only where absent reads as something
 * else. */
static int take_pages(uint64_t address, const void *data, size_t count,
                      void *context) {
  struct input *input = context;
  return cache_put_all_pages(input->writer, address, data, count, input->error);
}

static int take_stream(struct input *input, const struct copy_sources *sources,
                       size_t i) {
  const struct stream_visitor visitor = {take_begin, take_record, take_hole,
                                         take_pages, input};
  struct stream_source source;
  int failed = sources->open(sources->context, i, &source, input->error);
  if (failed)
    return failed;
  input->name = source.name;
  input->last = i + 1 == sources->count;
  failed = stream_read(&source, &visitor, input->error);
  sources->close(sources->context, i);
  return failed;
}

static int look(const struct stream_identity *identity, void *context) {
  *(struct stream_identity *)context = *identity;
  return 1;
}

/* Who the whole is: what the last stream is of. */
static int find_identity(const struct copy_sources *sources,
                         struct stream_identity *identity,
                         struct hwckpt_error *error) {
  const struct stream_visitor visitor = {.begin = look, .context = identity};
  struct stream_source source;
  size_t last = sources->count - 1;
  int failed = sources->open(sources->context, last, &source, error);
  if (failed)
    return failed;
  failed = stream_read(&source, &visitor, error);
  sources->close(sources->context, last);
  return failed < 0 ? failed : 0;
}

int copy_in(struct cache *cache, const char *application,
            const struct copy_sources *sources, int level,
            struct cache_generation *result, struct hwckpt_error *error) {
  struct input input = {.error = error};
  struct stream_identity identity = {0};
  int failed = find_identity(sources, &identity, error);
  const struct cache_copy copy = {
      .number = identity.number, .identity = identity.identity, .level = level};
  if (!failed)
    failed = cache_begin_copy(cache, application, &copy, &input.writer, error);
  if (failed)
    return failed;
  for (size_t i = 0; i < sources->count && !failed; i++)
    failed = take_stream(&input, sources, i);
  if (!failed && (input.before.number != identity.number ||
                  input.before.identity != identity.identity))
    failed = hwckpt_fail(error, HWCKPT_E_STREAM_DAMAGED, 0, input.name,
                         "it changed while it was read");
  if (failed) {
    cache_abort(input.writer);
    return failed;
  }
  return cache_commit(input.writer, result, error);
}
