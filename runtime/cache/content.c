/* content.c - a table of buckets of eight, two for each entry, which loses the
 * odd entry rather than grow beyond what it is worth. */
#include "content.h"

#include <string.h>

#define BUCKET 8u
#define BUCKETS_MIN 64u
#define FRAMES_MAX ((UINT32_MAX - 1) / FORMAT_FRAME_PAGES)

static size_t table_bytes(size_t buckets) {
  return buckets * BUCKET * sizeof(struct content_entry);
}

/* An entry is in one of two buckets: with one, the fullest would lose one entry
 * in fifteen; with two, hardly any. */
static struct content_entry *bucket_of(const struct content *content,
                                       uint64_t low, unsigned choice) {
  uint64_t mixed = choice ? low * UINT64_C(0x9e3779b97f4a7c15) : low;
  size_t bucket = (size_t)(((unsigned __int128)mixed * content->buckets) >> 64);
  return content->entries + bucket * BUCKET;
}

static unsigned used_of(const struct content_entry *bucket) {
  unsigned used = 0;
  while (used < BUCKET && bucket[used].place)
    used++;
  return used;
}

void content_forget(const struct cache_env *env, struct content *content) {
  if (content->entries)
    env->unmap(content->entries, table_bytes(content->buckets));
  buffer_free(env, &content->frames);
  *content = (struct content){.seed = content->seed};
}

/* Makes room in a full bucket by moving an entry to its other one; where, or
 * null. */
static struct content_entry *move_one(struct content *content,
                                      struct content_entry *bucket) {
  for (unsigned i = 0; i < BUCKET; i++)
    for (unsigned choice = 0; choice < 2; choice++) {
      struct content_entry *other = bucket_of(content, bucket[i].low, choice);
      unsigned used = used_of(other);
      if (used < BUCKET) {
        other[used] = bucket[i];
        return &bucket[i];
      }
    }
  return NULL;
}

/* Puts an entry where there is more room, or in place of another. */
static void put(struct content *content, const struct content_entry *entry) {
  struct content_entry *bucket = bucket_of(content, entry->low, 0);
  struct content_entry *other = bucket_of(content, entry->low, 1);
  unsigned used = used_of(bucket), used_by_other = used_of(other);
  if (used_by_other < used) {
    bucket = other;
    used = used_by_other;
  }
  struct content_entry *place = bucket + used;
  if (used == BUCKET && !(place = move_one(content, bucket)))
    place = move_one(content, other);
  content->count += place != NULL;
  if (!place)
    place = &bucket[content->victim++ % BUCKET]; /* any is as good */
  *place = *entry;
}

/* Makes the table a quarter larger when it is nearly full and more is worth
 * remembering. Without memory it stays as it is. */
static void grow(const struct cache_env *env, struct content *content) {
  uint64_t entries = content->buckets * BUCKET;
  if (content->count < entries - entries / 8 ||
      entries - entries / 8 > content->pages_max)
    return;
  size_t buckets = content->buckets + content->buckets / 4;
  if (buckets < BUCKETS_MIN)
    buckets = BUCKETS_MIN;
  struct content old = *content;
  struct content_entry *table = env->map(table_bytes(buckets));
  if (!table)
    return;
  content->entries = table;
  content->buckets = buckets;
  content->count = 0;
  for (size_t i = 0; i < old.buckets * BUCKET; i++)
    if (old.entries[i].place)
      put(content, &old.entries[i]);
  if (old.entries)
    env->unmap(old.entries, table_bytes(old.buckets));
}

bool content_add_frame(const struct cache_env *env, struct content *content,
                       const struct content_frame *frame, uint32_t *number) {
  size_t count = content->frames.length / sizeof(*frame);
  if (count >= FRAMES_MAX)
    return false;
  *number = (uint32_t)count;
  return buffer_append(env, &content->frames, frame, sizeof(*frame));
}

void content_add(const struct cache_env *env, struct content *content,
                 struct format_page_hash hash, uint32_t frame, unsigned page) {
  struct content_entry entry = {hash.low, (uint32_t)hash.high,
                                frame * FORMAT_FRAME_PAGES + page + 1};
  grow(env, content);
  if (content->buckets)
    put(content, &entry);
}

static bool is_entry(const struct content_entry *entry,
                     struct format_page_hash hash) {
  return entry->place && entry->low == hash.low &&
         entry->high == (uint32_t)hash.high;
}

bool content_find(struct content *content, struct format_page_hash hash,
                  uint64_t stamp, uint32_t *frame, unsigned *page) {
  for (unsigned i = 0; content->buckets && i < 2 * BUCKET; i++) {
    struct content_entry *entry =
        bucket_of(content, hash.low, i / BUCKET) + i % BUCKET;
    if (!is_entry(entry, hash))
      continue;
    *frame = (entry->place - 1) / FORMAT_FRAME_PAGES;
    *page = (entry->place - 1) % FORMAT_FRAME_PAGES;
    const struct content_frame *known = content_frame(content, *frame);
    if (known->frame.segment || known->stamp == stamp)
      return true;
    entry->place = 0;
    content->count--;
  }
  return false;
}

void content_drop(struct content *content, uint32_t from) {
  size_t count = content->frames.length / sizeof(struct content_frame);
  for (size_t i = from; i < count; i++) {
    content_frame(content, (uint32_t)i)->frame.segment = 0;
    content_frame(content, (uint32_t)i)->stamp = 0;
  }
}

void content_sweep(struct content *content,
                   bool (*keep)(const struct format_frame *frame,
                                void *context),
                   void *context) {
  struct content_frame *frames = content->frames.data;
  size_t count = content->frames.length / sizeof(*frames);
  uint32_t kept = 0;
  /* Where a frame goes to is noted in its own index, as no generation is being
   * written; UINT32_MAX: nowhere. */
  for (size_t i = 0; i < count; i++)
    frames[i].index = frames[i].frame.segment && keep(&frames[i].frame, context)
                          ? kept++
                          : UINT32_MAX;
  for (size_t i = 0; i < content->buckets * BUCKET; i++) {
    struct content_entry *entry = &content->entries[i];
    if (entry->place == 0)
      continue;
    uint32_t to = frames[(entry->place - 1) / FORMAT_FRAME_PAGES].index;
    unsigned page = (entry->place - 1) % FORMAT_FRAME_PAGES;
    entry->place = to == UINT32_MAX ? 0 : to * FORMAT_FRAME_PAGES + page + 1;
    content->count -= to == UINT32_MAX;
  }
  for (size_t i = 0; i < count; i++)
    if (frames[i].index != UINT32_MAX)
      frames[frames[i].index] = frames[i];
  content->frames.length = kept * sizeof(*frames);
}
