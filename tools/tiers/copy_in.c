/* copy_in.c - a generation of a cache from streams; of several processes, one
 * of each. */
#include "copy.h"
#include "copy_members.h"
#include "copy_parts.h"

#include "runtime/support/record_types.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Records are those of the last stream; pages are those of all, the newest at
 * each address. Without a cache all is only checked. */
struct input {
  struct cache *cache;
  const char *application;
  int level;
  struct cache_writer *first;  /* of the application's own generation */
  struct cache_writer *writer; /* of the process that is being read; null: what
                                * is read of it is only checked */
  const char *name;            /* of the stream */
  bool last;
  struct stream_identity before; /* of the stream that was read last */
  struct copy_members members;   /* of the stream, as its records say */
  struct copy_parts parts;       /* as they came */
  struct copy_records records;   /* of the first process, of the last stream:
                                  * they name what is made after them */
  struct hwckpt_error *error;
};

static int damaged(const struct input *input, const char *what) {
  return hwckpt_fail(input->error, HWCKPT_E_STREAM_DAMAGED, 0, input->name,
                     "%s", what);
}

static int no_memory(const struct input *input) {
  return hwckpt_fail(input->error, HWCKPT_E_RESTORE_MEMORY, 0, input->name,
                     "%s", "");
}

/* A part of the whole: its last stream says which generation it becomes. */
static int make_part(struct input *input, struct copy_part_made *part) {
  const struct cache_copy copy = {.number = part->number,
                                  .identity = part->identity,
                                  .level = input->level};
  char name[CACHE_NAME_MAX];
  hwckpt_format(name, sizeof name, "%s/%s", input->application, part->name);
  if (part->writer)
    cache_abort(part->writer);
  part->writer = NULL;
  int failed = cache_use_application(input->cache, name, input->error);
  return failed ? failed
                : cache_begin_copy(input->cache, name, &copy, &part->writer,
                                   input->error);
}

static int take_part(struct input *input,
                     const struct stream_identity *identity) {
  size_t i = input->parts.here;
  struct copy_part expected = {.name = ""};
  if (i < input->members.count)
    expected = copy_members_part(&input->members, i);
  if (strcmp(expected.name, identity->application) != 0 ||
      expected.generation != identity->number)
    return damaged(input, "a process that is not the one that is to come");
  struct copy_part_made *part =
      copy_parts_come(&input->parts, identity->application);
  if (!part)
    return no_memory(input);
  if (part->twice)
    return damaged(input, "a process comes twice");
  if (identity->parent && (part->before != identity->parent ||
                           part->before_identity != identity->parent_identity))
    return damaged(input, "a process builds on a generation that is not here");
  part->before = identity->number;
  part->before_identity = identity->identity;
  if (input->last && !part->known) {
    part->number = identity->number;
    part->identity = identity->identity;
    part->known = true;
  }
  int failed = input->cache && part->known && !identity->parent
                   ? make_part(input, part)
                   : 0;
  input->writer = part->writer;
  return failed || !input->cache || !input->last || part->writer
             ? failed
             : damaged(input, "it changed while it was read");
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
  copy_members_free(&input->members);
  input->members =
      (struct copy_members){.application = input->before.application,
                            .place = input->name,
                            .wrong = HWCKPT_E_STREAM_DAMAGED};
  copy_parts_next(&input->parts);
  input->writer = input->first;
  return 0;
}

/* Of the first process: the others have no records of processes that count. */
static int take_own_record(struct input *input, uint32_t type, const void *data,
                           size_t length) {
  int failed =
      type == RECORD_TREE_MEMBER
          ? copy_members_add(&input->members, data, length, input->error)
          : 0;
  if (failed || !input->cache || !input->last)
    return failed;
  return copy_records_add(&input->records, type, data, length)
             ? 0
             : no_memory(input);
}

static int take_record(uint32_t type, const void *data, size_t length,
                       void *context) {
  struct input *input = context;
  if (!input->parts.here)
    return take_own_record(input, type, data, length);
  return input->writer && input->last
             ? cache_put_record(input->writer, type, data, length, input->error)
             : 0;
}

static int take_hole(uint64_t begin, uint64_t end, void *context) {
  struct input *input = context;
  return input->writer
             ? cache_put_absent(input->writer, begin, end - begin, input->error)
             : 0;
}

/* Zeros too: they are in a generation only where absent reads as something
 * else. */
static int take_pages(uint64_t address, const void *data, size_t count,
                      void *context) {
  struct input *input = context;
  return input->writer ? cache_put_all_pages(input->writer, address, data,
                                             count, input->error)
                       : 0;
}

static int take_common(size_t process, uint64_t address, const void *data,
                       size_t count, void *context) {
  struct input *input = context;
  struct cache_writer *writer =
      process ? copy_parts_here(&input->parts, process - 1)->writer
              : input->first;
  return writer
             ? cache_put_all_pages(writer, address, data, count, input->error)
             : 0;
}

/* What several processes are is whole with all of them, and only so. */
static int check_whole(const struct input *input) {
  return input->parts.here < input->members.count
             ? damaged(input, "a process is missing")
             : 0;
}

static int read_source(struct input *input,
                       const struct stream_source *source) {
  const struct stream_visitor visitor = {take_begin, take_record, take_hole,
                                         take_pages, take_common, input};
  input->name = source->name;
  int failed = stream_read(source, &visitor, input->error);
  return failed ? failed : check_whole(input);
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

/* ---- who the whole is: what the last stream is of ---- */

struct looking {
  struct input *input;
  struct stream_identity *identity;
  bool all; /* also the parts */
};

static int look(const struct stream_identity *identity, void *context) {
  const struct looking *looking = context;
  if (!identity->part)
    *looking->identity = *identity;
  else if (!copy_parts_know(&looking->input->parts, identity->application,
                            identity->number, identity->identity))
    return no_memory(looking->input);
  return looking->all && identity->tree ? 0 : 1;
}

/* Where the parts are made of several streams, they are looked for in all of
 * the last. */
static int find_identity(struct input *input,
                         const struct copy_sources *sources,
                         struct stream_identity *identity) {
  struct looking looking = {input, identity, sources->count > 1};
  const struct stream_visitor visitor = {.begin = look, .context = &looking};
  struct stream_source source;
  size_t last = sources->count - 1;
  int failed = sources->open(sources->context, last, &source, input->error);
  if (failed)
    return failed;
  input->name = source.name;
  failed = stream_read(&source, &visitor, input->error);
  sources->close(sources->context, last);
  return failed < 0 ? failed : 0;
}

/* ---- making it ---- */

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

static void give_up(struct input *input, bool tree) {
  copy_parts_abort(&input->parts);
  if (tree)
    remove_unnamed(input);
  cache_abort(input->first);
}

/* The records name the generations of this cache. */
static int put_records(struct input *input) {
  unsigned char renamed[TreeMember_size];
  struct copy_names names = {.application = input->application,
                             .own = cache_writer_number(input->first),
                             .parts = &input->parts};
  uint32_t type;
  const void *data;
  size_t length, at = 0;
  int failed = 0;
  while (!failed &&
         copy_records_next(&input->records, &at, &type, &data, &length)) {
    if (type == RECORD_TREE_MEMBER) {
      length = copy_names_put(&names, data, length, renamed);
      data = renamed;
      if (!length)
        return damaged(input, "the record of a process");
    }
    failed = cache_put_record(input->first, type, data, length, input->error);
  }
  return failed;
}

static int take_all(struct input *input, const struct copy_sources *sources,
                    const struct stream_identity *identity) {
  int failed = 0;
  for (size_t i = 0; i < sources->count && !failed; i++)
    failed = take_stream(input, sources, i);
  if (!failed && (input->before.number != identity->number ||
                  input->before.identity != identity->identity))
    failed = damaged(input, "it changed while it was read");
  for (size_t i = 0; i < input->parts.here && !failed; i++) {
    const struct copy_part_made *part = copy_parts_here(&input->parts, i);
    if (part->number != part->before || part->identity != part->before_identity)
      failed = damaged(input, "it changed while it was read");
  }
  if (!failed)
    failed = put_records(input);
  return failed ? failed : copy_parts_commit(&input->parts, input->error);
}

static int make_all(struct input *input, const struct copy_sources *sources,
                    const struct stream_identity *identity,
                    struct cache_generation *result) {
  const struct cache_copy copy = {.number = identity->number,
                                  .identity = identity->identity,
                                  .level = input->level};
  int failed = cache_begin_copy(input->cache, input->application, &copy,
                                &input->first, input->error);
  if (failed)
    return failed;
  if (identity->tree)
    remove_unnamed(input);
  failed = take_all(input, sources, identity);
  if (failed)
    give_up(input, identity->tree);
  else if ((failed = cache_commit(input->first, result, input->error)) &&
           identity->tree)
    remove_unnamed(input);
  if (failed && identity->tree)
    cache_reclaim(input->cache, input->application, NULL);
  return failed;
}

/* Some descriptors for each process. */
static struct rlimit raise_limit(void) {
  struct rlimit before = {0}, most;
  getrlimit(RLIMIT_NOFILE, &before);
  most = before;
  most.rlim_cur = most.rlim_max;
  setrlimit(RLIMIT_NOFILE, &most);
  return before;
}

static void free_input(struct input *input) {
  copy_members_free(&input->members);
  copy_parts_free(&input->parts);
  copy_records_free(&input->records);
}

int copy_in(struct cache *cache, const char *application,
            const struct copy_sources *sources, int level,
            struct cache_generation *result, struct hwckpt_error *error) {
  struct input input = {.cache = cache,
                        .application = application,
                        .level = level,
                        .error = error};
  struct stream_identity identity = {0};
  const struct rlimit limit = raise_limit();
  int failed = find_identity(&input, sources, &identity);
  if (!failed)
    failed = make_all(&input, sources, &identity, result);
  free_input(&input);
  setrlimit(RLIMIT_NOFILE, &limit);
  return failed;
}

int copy_check(const struct stream_source *source,
               struct stream_identity *identity, struct hwckpt_error *error) {
  struct input input = {.last = true, .error = error};
  int failed = read_source(&input, source);
  *identity = input.before;
  free_input(&input);
  return failed;
}
