/* generation.h - the records of one generation, decoded and checked.
 *
 * Invariant: once generation_open() succeeded, every record of a known type
 * decodes, the first is the Process, areas are without fault (area_fault.h),
 * ascending and disjoint, and there is at least one thread. The records may
 * come from anyone's disk; nothing else about their values is believed. */
#ifndef HWCKPT_GENERATION_H
#define HWCKPT_GENERATION_H

#include "runtime/cache/cache.h"
#include "runtime/support/record_types.h"

#include "records.pb.h"
#include "resources.pb.h"

struct generation {
  struct cache_reader *reader;
  const struct cache_generation *info;
  char name[CACHE_NAME_MAX + 32]; /* APP/N */
  Process process;
  Statistics statistics; /* zero when the generation has none */
  FileSystem file_system;
  size_t threads, areas, descriptors, pipes;
  bool holds_regions; /* named regions (areas counts them), and no program */
  RegionSet region_set;
};

/* Opens and checks; the caller ends it with generation_close(). The struct is
 * large: not for the stack of a deep call. */
int generation_open(struct cache *cache, const char *application,
                    uint64_t number, struct generation *generation,
                    struct hwckpt_error *error);
/* Also one that holds regions and no program, which above is an error. */
int generation_open_any(struct cache *cache, const char *application,
                        uint64_t number, struct generation *generation,
                        struct hwckpt_error *error);
/* As the first, by cache_reader_open_newest(): the indexes of what it builds on
 * are not looked at yet. */
int generation_open_newest(struct cache *cache, const char *application,
                           uint64_t number, struct generation *generation,
                           struct hwckpt_error *error);
void generation_close(struct generation *generation);

/* Walk the records of one kind: *cursor is 0 at the beginning. False at the
 * end. The walks cannot fail, as all was decoded once. */
bool generation_next_area(const struct generation *generation, size_t *cursor,
                          Area *area);
bool generation_next_region(const struct generation *generation, size_t *cursor,
                            Region *region);
bool generation_next_thread(const struct generation *generation, size_t *cursor,
                            Thread *thread);
bool generation_next_descriptor(const struct generation *generation,
                                size_t *cursor, Descriptor *descriptor);
bool generation_next_member(const struct generation *generation, size_t *cursor,
                            TreeMember *member);
bool generation_next_attributes(const struct generation *generation,
                                size_t *cursor, Attributes *attributes);
bool generation_next_session(const struct generation *generation,
                             size_t *cursor, Session *session);
bool generation_next_pipe(const struct generation *generation, size_t *cursor,
                          Pipe *pipe);

/* Words for the kinds; "unknown" for what a newer version may know. */
const char *generation_event(int event);
/* The next above `after` of the events that the checkpoint served; 0: none. */
unsigned generation_next_event(const Statistics *statistics, unsigned after);
const char *generation_method(int method);
const char *generation_area_kind(int kind);
const char *generation_descriptor_kind(int kind);

#endif
