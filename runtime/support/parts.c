/* parts.c - see parts.h. What is written for a checkpoint that is not committed
 * yet is newer than all that is named, and stays. */
#include "parts.h"

#include "../arch/sys.h"
#include "private.h"
#include "record_types.h"
#include "records.pb.h"

#include <errno.h>
#include <limits.h>
#include <pb_decode.h>
#include <string.h>

#define NAMED_ROOM 16384u

struct named {
  char part[CACHE_NAME_MAX];
  uint64_t oldest; /* generation */
};

struct parts {
  struct cache *cache;
  const char *application;
  struct named *list; /* private memory */
  size_t count;
  bool incomplete; /* there was no room: nothing is removed */
  struct hwckpt_error *error;
};

static bool is_same(const char *a, const char *b) {
  size_t length = strlen(a);
  return length == strlen(b) && memcmp(a, b, length) == 0;
}

static struct named *find(const struct parts *parts, const char *name) {
  for (size_t i = 0; i < parts->count; i++)
    if (is_same(parts->list[i].part, name))
      return &parts->list[i];
  return 0;
}

/* Of one that had ended there is none; no generation is number 0. */
static void note(struct parts *parts, const TreeMember *member) {
  if (!*member->application)
    return;
  parts->incomplete |= !member->generation;
  struct named *named = find(parts, member->application);
  if (named) {
    if (member->generation < named->oldest)
      named->oldest = member->generation;
    return;
  }
  parts->incomplete |= parts->count == NAMED_ROOM;
  if (parts->incomplete)
    return;
  named = &parts->list[parts->count++];
  hwckpt_format(named->part, sizeof named->part, "%s", member->application);
  named->oldest = member->generation;
}

static int read_names(const struct cache_generation *generation, int damage,
                      void *context) {
  struct parts *parts = context;
  struct cache_reader *reader;
  uint32_t type;
  const void *data;
  size_t length;
  if (damage || cache_reader_open_records(parts->cache, parts->application,
                                          generation->number, &reader, 0) < 0) {
    parts->incomplete = true;
    return 0;
  }
  for (size_t i = 0; cache_reader_record(reader, i, &type, &data, &length);
       i++) {
    static TreeMember member;
    if (type != RECORD_TREE_MEMBER)
      continue;
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    memset(&member, 0, sizeof member);
    if (pb_decode(&stream, TreeMember_fields, &member))
      note(parts, &member);
    else
      parts->incomplete = true;
  }
  cache_reader_close(reader);
  return 0;
}

/* Of "APPLICATION/mPID-...". */
static bool process_lives(const char *name) {
  uint64_t pid = 0; /* ten digits at most */
  while (*name != '/')
    name++;
  for (name += 2; *name >= '0' && *name <= '9'; name++)
    pid = pid * 10 + (uint64_t)(*name - '0');
  return pid <= INT_MAX && SYS(kill, pid, 0) != -ESRCH;
}

static int retain_part(const char *name, void *context) {
  struct parts *parts = context;
  const struct named *named = find(parts, name);
  if (!named && process_lives(name))
    return 0;
  /* One that is written just now has its turn the next time. */
  cache_retain_part(parts->cache, name, named ? named->oldest : 0, 0);
  return 0;
}

static int is_there(const char *name, void *context) {
  (void)name, (void)context;
  return 1;
}

/* The records of all generations are read for it, a third of what checkpoints
 * of small programs cost: only where there are parts. */
int parts_retain(struct cache *cache, const char *application,
                 struct hwckpt_error *error) {
  int there = cache_each_part(cache, application, is_there, 0, error);
  if (there < 0)
    return there;
  if (!there)
    return cache_reclaim(cache, application, error);
  struct parts parts = {.cache = cache,
                        .application = application,
                        .list = private_map(NAMED_ROOM * sizeof(struct named)),
                        .error = error};
  if (!parts.list)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, application,
                       "names of its parts");
  int status =
      cache_each_generation(cache, application, read_names, &parts, error);
  if (status == 0 && !parts.incomplete)
    status = cache_each_part(cache, application, retain_part, &parts, error);
  if (status == 0)
    status = cache_reclaim(cache, application, error);
  private_unmap(parts.list, NAMED_ROOM * sizeof(struct named));
  return status;
}
