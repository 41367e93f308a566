/* content.c - tables of buckets of eight, two for each entry, which lose the
 * odd entry rather than grow beyond what it is worth. */
#include "content.h"

#include <string.h>

#define BUCKET 8u
#define BUCKETS_MIN 32u
#define FRAMES_MAX ((UINT32_MAX - 1) / FORMAT_FRAME_PAGES)

static size_t table_bytes(size_t buckets) {
  return buckets * BUCKET * sizeof(struct content_entry);
}

/* By other bits of the hash than the bucket. */
static struct content_shard *shard_of(struct content *content, uint32_t high) {
  return &content->shards[high % CONTENT_SHARDS];
}

/* An entry is in one of two buckets: with one, the fullest would lose one entry
 * in fifteen; with two, hardly any. */
static struct content_entry *bucket_of(const struct content_shard *shard,
                                       uint64_t low, unsigned choice) {
  uint64_t mixed = choice ? low * UINT64_C(0x9e3779b97f4a7c15) : low;
  size_t bucket = (size_t)(((unsigned __int128)mixed * shard->buckets) >> 64);
  return shard->entries + bucket * BUCKET;
}

static unsigned used_of(const struct content_entry *bucket) {
  unsigned used = 0;
  while (used < BUCKET && bucket[used].place)
    used++;
  return used;
}

void content_forget(const struct cache_env *env, struct content *content) {
  for (unsigned i = 0; i < CONTENT_SHARDS; i++)
    if (content->shards[i].entries)
      env->unmap(content->shards[i].entries,
                 table_bytes(content->shards[i].buckets));
  buffer_free(env, &content->frames);
  *content = (struct content){.seed = content->seed};
}

/* Makes room in a full bucket by moving an entry to its other one; where, or
 * null. */
static struct content_entry *move_one(struct content_shard *shard,
                                      struct content_entry *bucket) {
  for (unsigned i = 0; i < BUCKET; i++)
    for (unsigned choice = 0; choice < 2; choice++) {
      struct content_entry *other = bucket_of(shard, bucket[i].low, choice);
      unsigned used = used_of(other);
      if (used < BUCKET) {
        other[used] = bucket[i];
        return &bucket[i];
      }
    }
  return NULL;
}

/* Puts an entry where there is more room, or in place of another. */
static void put(struct content_shard *shard,
                const struct content_entry *entry) {
  struct content_entry *bucket = bucket_of(shard, entry->low, 0);
  struct content_entry *other = bucket_of(shard, entry->low, 1);
  unsigned used = used_of(bucket), used_by_other = used_of(other);
  if (used_by_other < used) {
    bucket = other;
    used = used_by_other;
  }
  struct content_entry *place = bucket + used;
  if (used == BUCKET && !(place = move_one(shard, bucket)))
    place = move_one(shard, other);
  shard->count += place != NULL;
  if (!place)
    place = &bucket[shard->victim++ % BUCKET]; /* any is as good */
  *place = *entry;
}

/* Makes a shard a quarter larger when it is nearly full and more is worth
 * remembering. Without memory it stays as it is. */
static void grow(const struct cache_env *env, struct content_shard *shard,
                 uint64_t pages_max) {
  uint64_t entries = shard->buckets * BUCKET;
  if (shard->count < entries - entries / 8 || entries - entries / 8 > pages_max)
    return;
  size_t buckets = shard->buckets + shard->buckets / 4;
  if (buckets < BUCKETS_MIN)
    buckets = BUCKETS_MIN;
  struct content_shard old = *shard;
  struct content_entry *table = env->map(table_bytes(buckets));
  if (!table)
    return;
  shard->entries = table;
  shard->buckets = buckets;
  shard->count = 0;
  for (size_t i = 0; i < old.buckets * BUCKET; i++)
    if (old.entries[i].place)
      put(shard, &old.entries[i]);
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
  struct content_shard *shard = shard_of(content, entry.high);
  size_t before = shard->count;
  grow(env, shard, content->pages_max / CONTENT_SHARDS);
  if (shard->buckets)
    put(shard, &entry);
  content->count += shard->count - before;
}

static bool is_entry(const struct content_entry *entry,
                     struct format_page_hash hash) {
  return entry->place && entry->low == hash.low &&
         entry->high == (uint32_t)hash.high;
}

bool content_find(struct content *content, struct format_page_hash hash,
                  uint64_t stamp, uint32_t *frame, unsigned *page) {
  struct content_shard *shard = shard_of(content, (uint32_t)hash.high);
  for (unsigned i = 0; shard->buckets && i < 2 * BUCKET; i++) {
    struct content_entry *entry =
        bucket_of(shard, hash.low, i / BUCKET) + i % BUCKET;
    if (!is_entry(entry, hash))
      continue;
    *frame = (entry->place - 1) / FORMAT_FRAME_PAGES;
    *page = (entry->place - 1) % FORMAT_FRAME_PAGES;
    const struct content_frame *known = content_frame(content, *frame);
    if (known->frame.segment || known->stamp == stamp)
      return true;
    entry->place = 0;
    shard->count--;
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

/* Entries of the frames that go are dropped, the others follow theirs. */
static void sweep_shard(struct content_shard *shard,
                        const struct content_frame *frames) {
  for (size_t i = 0; i < shard->buckets * BUCKET; i++) {
    struct content_entry *entry = &shard->entries[i];
    if (entry->place == 0)
      continue;
    uint32_t to = frames[(entry->place - 1) / FORMAT_FRAME_PAGES].index;
    unsigned page = (entry->place - 1) % FORMAT_FRAME_PAGES;
    entry->place = to == UINT32_MAX ? 0 : to * FORMAT_FRAME_PAGES + page + 1;
    shard->count -= to == UINT32_MAX;
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
  content->count = 0;
  for (unsigned i = 0; i < CONTENT_SHARDS; i++) {
    sweep_shard(&content->shards[i], frames);
    content->count += content->shards[i].count;
  }
  for (size_t i = 0; i < count; i++)
    if (frames[i].index != UINT32_MAX)
      frames[frames[i].index] = frames[i];
  content->frames.length = kept * sizeof(*frames);
}
