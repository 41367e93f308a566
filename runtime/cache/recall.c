/* recall.c - reading back which content is in the log.
 *
 * The hashes of pages are in the generations' files, so that a restored program
 * writes nothing again that its cache has. All of it is for speed: whatever
 * cannot be read is passed over.
 */
#include "recall.h"

#include "image.h"
#include "publish.h"

/* What several generations have stands in the table once. */
static void add_unknown(const struct cache_env *env, struct content *content,
                        struct format_page_hash hash, uint32_t frame,
                        unsigned page) {
  uint32_t other_frame;
  unsigned other_page;
  if (!content_find(content, hash, 0, &other_frame, &other_page))
    content_add(env, content, hash, frame, page);
}

/* Frames of the log, and the hashes of those that have them. */
static void recall_frames(const struct cache_env *env, struct content *content,
                          const struct format_frame *frames, size_t count,
                          const struct format_page_hash *hash,
                          size_t hash_count) {
  for (size_t i = 0; i < count; i++) {
    const struct content_frame known = {.frame = frames[i]};
    uint32_t number;
    size_t pages = known.frame.raw / CACHE_PAGE_SIZE;
    if (!(known.frame.flags & FORMAT_FRAME_HASHED))
      continue;
    if (pages > hash_count)
      return;
    if (known.frame.segment && pages <= FORMAT_FRAME_PAGES) {
      if (!content_add_frame(env, content, &known, &number))
        return;
      for (unsigned page = 0; page < pages; page++)
        add_unknown(env, content, hash[page], number, page);
    }
    hash += pages;
    hash_count -= pages;
  }
}

/* Directories to recall from: a part's own, or one of a relative. */
struct source {
  struct cache *cache;
  const char *application;
  int directory;
  uint64_t newest;
};

/* Pages of the base, about what the program has. */
static uint64_t measure(const struct source *from) {
  struct image image;
  uint64_t pages = 0;
  for (uint64_t number = from->newest;
       number && image_open(&image, from->cache, from->application,
                            from->directory, number, NULL) == 0;) {
    if (image.commit.pages > pages)
      pages = image.commit.pages;
    number = image.header.parent;
    image_close(&image);
  }
  return pages;
}

/* The newest first: when the table is full, what is older is not worth
 * forgetting it. */
static void recall_chain(const struct source *from, struct content *content) {
  const struct cache_env *env = from->cache->env;
  struct image_index index = {0};
  struct buffer hashes = {0};
  struct image image;
  content->pages_max += measure(from);
  for (uint64_t number = from->newest;
       number && image_open(&image, from->cache, from->application,
                            from->directory, number, NULL) == 0;) {
    bool wanted = image.commit.hashes != 0 && image_is_in_log(&image);
    if (wanted && content->count == 0)
      content->seed = image.commit.hash_seed;
    if (wanted && content->seed == image.commit.hash_seed &&
        content->count < content->pages_max &&
        image_load_index(&image, &index, NULL) == 0 &&
        image_load_hashes(&image, &hashes, NULL) == 0)
      recall_frames(env, content, index.frames,
                    (size_t)image.commit.page_frames, hashes.data,
                    hashes.length / sizeof(struct format_page_hash));
    number = image.header.parent;
    image_close(&image);
  }
  index_free(env, &index);
  buffer_free(env, &hashes);
}

static void recall_published(const struct source *from,
                             struct content *content) {
  struct published published;
  if (published_read(from->cache, from->application, from->directory,
                     &published)) {
    if (content->count == 0)
      content->seed = published.seed;
    content->pages_max += published.hash_count;
    if (content->seed == published.seed)
      recall_frames(from->cache->env, content, published.frames,
                    published.frame_count, published.hashes,
                    published.hash_count);
  }
  buffer_free(from->cache->env, &published.bytes);
}

static void recall_relative(struct cache *cache, const char *name,
                            bool is_published, struct content *content) {
  struct source from = {.cache = cache, .application = name};
  struct buffer numbers = {0};
  if (directory_open(cache, name, &from.directory, NULL) < 0)
    return;
  if (directory_numbers(cache, name, from.directory, format_parse_generation,
                        &numbers, NULL) == 0 &&
      numbers.length)
    from.newest =
        ((const uint64_t *)numbers.data)[numbers.length / sizeof(uint64_t) - 1];
  recall_chain(&from, content);
  if (is_published)
    recall_published(&from, content);
  cache->env->io->close(from.directory);
  buffer_free(cache->env, &numbers);
}

int recall_content(struct cache *cache, struct session *session, int directory,
                   uint64_t newest, struct hwckpt_error *error) {
  const struct cache_relatives *relatives = cache->relatives;
  struct content *content = &session->content;
  struct place place = {cache, session->application, NULL};
  struct source own = {cache, session->application, directory, newest};
  content->pages_max = 0;
  recall_chain(&own, content);
  for (unsigned i = 0; relatives && newest == 0 && i < CACHE_RELATIVES; i++)
    if (relatives->names[i][0])
      recall_relative(cache, relatives->names[i], relatives->published[i],
                      content);
  if (content->count)
    return 0;
  long got = cache->env->io->getrandom(&content->seed, sizeof(content->seed));
  return got == (long)sizeof(content->seed)
             ? 0
             : place_fail_io(&place, error, got, "getrandom");
}
