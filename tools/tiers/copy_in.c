/* copy_in.c - a generation of a cache from streams; of several processes, one
 * of each. */
#include "copy.h"
#include "copy_members.h"

#include "runtime/support/record_types.h"

#include <string.h>

/* Records are those of the last stream; pages are those of all, the newest at
 * each address. Without a cache all is only checked. */
struct input {
  struct cache *cache;
  const char *application;
  int level;
  struct cache_writer *first;  /* of the application's own generation */
  struct cache_writer *writer; /* of the process that is being read */
  const char *name;            /* of the stream */
  bool last;
  struct stream_identity before; /* of the stream that was read last */
  struct copy_members members;
  size_t parts; /* of them that came */
  struct hwckpt_error *error;
};

static int damaged(const struct input *input, const char *what) {
  return hwckpt_fail(input->error, HWCKPT_E_STREAM_DAMAGED, 0, input->name,
                     "%s", what);
}

/* Of a part: the application's own generation is the last. */
static int commit_part(struct input *input) {
  struct cache_generation result;
  struct cache_writer *writer = input->writer;
  input->writer = input->first;
  return writer != input->first ? cache_commit(writer, &result, input->error)
                                : 0;
}

/* The records name its number. */
static int make_part(struct input *input,
                     const struct stream_identity *identity) {
  const struct cache_copy copy = {.number = identity->number,
                                  .identity = identity->identity,
                                  .level = input->level};
  char name[CACHE_NAME_MAX];
  struct cache_writer *writer;
  hwckpt_format(name, sizeof name, "%s/%s", input->application,
                identity->application);
  int failed = cache_use_application(input->cache, name, input->error);
  if (!failed)
    failed = cache_begin_copy(input->cache, name, &copy, &writer, input->error);
  if (failed)
    return failed;
  input->writer = writer;
  return cache_writer_number(writer) == identity->number
             ? 0
             : hwckpt_fail(input->error, HWCKPT_E_APPLICATION_THERE, 0, name,
                           "generation %llu or newer",
                           (unsigned long long)identity->number);
}

static int take_part(struct input *input,
                     const struct stream_identity *identity) {
  struct copy_part part = {.name = ""};
  if (input->parts < input->members.count)
    part = copy_members_part(&input->members, input->parts++);
  if (strcmp(part.name, identity->application) != 0 ||
      part.generation != identity->number)
    return damaged(input, "a process that is not the one that is to come");
  if (!input->cache)
    return 0;
  int failed = commit_part(input);
  return failed ? failed : make_part(input, identity);
}

static int take_begin(const struct stream_identity *identity, void *context) {
  struct input *input = context;
  if (identity->part)
    return take_part(input, identity);
  if (identity->parent != input->before.number ||
      (identity->parent && identity->parent_identity != input->before.identity))
    return damaged(input, identity->parent
                              ? "it builds on a generation that is not here"
                              : "it builds on none, but is to");
  input->before = *identity;
  input->members.application = input->before.application;
  input->members.place = input->name;
  return 0;
}

/* Of the first process: the others' have no such records that count. */
static int take_member(struct input *input, const void *data, size_t length) {
  unsigned char renamed[TreeMember_size];
  int failed = copy_members_add(&input->members, data, length, input->error);
  if (failed || !input->cache)
    return failed;
  size_t size = copy_members_rename(data, length, input->application,
                                    cache_writer_number(input->first), renamed);
  return size ? cache_put_record(input->first, RECORD_TREE_MEMBER, renamed,
                                 size, input->error)
              : damaged(input, "the record of a process");
}

static int take_record(uint32_t type, const void *data, size_t length,
                       void *context) {
  struct input *input = context;
  if (!input->last)
    return 0;
  if (type == RECORD_TREE_MEMBER && !input->parts)
    return take_member(input, data, length);
  return input->cache
             ? cache_put_record(input->writer, type, data, length, input->error)
             : 0;
}

static int take_hole(uint64_t begin, uint64_t end, void *context) {
  struct input *input = context;
  return input->cache
             ? cache_put_absent(input->writer, begin, end - begin, input->error)
             : 0;
}

/* Zeros too: they are in a generation only where absent reads as something
 * else. */
static int take_pages(uint64_t address, const void *data, size_t count,
                      void *context) {
  struct input *input = context;
  return input->cache ? cache_put_all_pages(input->writer, address, data, count,
                                            input->error)
                      : 0;
}

/* What several processes are is whole with all of them, and only so. */
static int check_whole(const struct input *input) {
  return input->parts < input->members.count
             ? damaged(input, "a process is missing")
             : 0;
}

static int read_source(struct input *input,
                       const struct stream_source *source) {
  const struct stream_visitor visitor = {take_begin, take_record, take_hole,
                                         take_pages, input};
  input->name = source->name;
  int failed = stream_read(source, &visitor, input->error);
  return failed || !input->last ? failed : check_whole(input);
}

static int take_stream(struct input *input, const struct copy_sources *sources,
                       size_t i) {
  struct stream_source source;
  int failed = sources->open(sources->context, i, &source, input->error);
  if (failed)
    return failed;
  input->last = i + 1 == sources->count;
  failed = read_source(input, &source);
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

static int found(const struct cache_generation *generation, int damage,
                 void *context) {
  (void)generation;
  (void)damage;
  (void)context;
  return 1;
}

static int remove_part(const char *name, void *context) {
  cache_retain_part(context, name, 0, NULL);
  return 0;
}

/* Parts that no generation can name: of who was killed before he had made one.
 * While the application's writer is open nobody else makes any. */
static void remove_unnamed(const struct input *input) {
  if (cache_each_generation(input->cache, input->application, found, NULL,
                            NULL) == 0)
    cache_each_part(input->cache, input->application, remove_part, input->cache,
                    NULL);
}

static void give_up(struct input *input) {
  if (input->writer != input->first)
    cache_abort(input->writer);
  if (input->parts)
    remove_unnamed(input);
  cache_abort(input->first);
}

static int take_all(struct input *input, const struct copy_sources *sources,
                    const struct stream_identity *identity) {
  int failed = 0;
  for (size_t i = 0; i < sources->count && !failed; i++)
    failed = take_stream(input, sources, i);
  if (!failed && (input->before.number != identity->number ||
                  input->before.identity != identity->identity))
    failed = damaged(input, "it changed while it was read");
  return failed ? failed : commit_part(input);
}

int copy_in(struct cache *cache, const char *application,
            const struct copy_sources *sources, int level,
            struct cache_generation *result, struct hwckpt_error *error) {
  struct input input = {.cache = cache,
                        .application = application,
                        .level = level,
                        .members = {.wrong = HWCKPT_E_STREAM_DAMAGED},
                        .error = error};
  struct stream_identity identity = {0};
  int failed = find_identity(sources, &identity, error);
  const struct cache_copy copy = {
      .number = identity.number, .identity = identity.identity, .level = level};
  if (!failed)
    failed = cache_begin_copy(cache, application, &copy, &input.first, error);
  if (failed)
    return failed;
  input.writer = input.first;
  if (identity.tree)
    remove_unnamed(&input);
  failed = take_all(&input, sources, &identity);
  copy_members_free(&input.members);
  if (failed)
    give_up(&input);
  else if ((failed = cache_commit(input.first, result, error)) && input.parts)
    remove_unnamed(&input);
  if (failed && input.parts)
    cache_reclaim(cache, application, NULL);
  return failed;
}

int copy_check(const struct stream_source *source,
               struct stream_identity *identity, struct hwckpt_error *error) {
  struct input input = {.members = {.wrong = HWCKPT_E_STREAM_DAMAGED},
                        .last = true,
                        .error = error};
  int failed = read_source(&input, source);
  *identity = input.before;
  copy_members_free(&input.members);
  return failed;
}
