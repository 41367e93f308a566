/* recall.c - reading back which content is in the log.
 *
 * The hashes of pages are in the generations' files, so that a restored program
 * writes nothing again that its cache has. All of it is for speed: whatever
 * cannot be read is passed over.
 */
#include "recall.h"

#include "image.h"

/* What several generations have stands in the table once. */
static void add_unknown(const struct cache_env *env, struct content *content,
                        struct format_page_hash hash, uint32_t frame,
                        unsigned page) {
  uint32_t other_frame;
  unsigned other_page;
  if (!content_find(content, hash, 0, &other_frame, &other_page))
    content_add(env, content, hash, frame, page);
}

/* The page hashes of one generation. */
static void recall_image(struct content *content, const struct image *image,
                         struct image_index *index, struct buffer *hashes) {
  const struct cache_env *env = image->cache->env;
  if (image_load_index(image, index, NULL) < 0 ||
      image_load_hashes(image, hashes, NULL) < 0)
    return;
  const struct format_page_hash *hash = hashes->data;
  for (uint64_t i = 0; i < image->commit.page_frames; i++) {
    const struct content_frame known = {.frame = index->frames[i]};
    uint32_t number;
    unsigned pages = known.frame.raw / CACHE_PAGE_SIZE;
    if (!(known.frame.flags & FORMAT_FRAME_HASHED))
      continue;
    if (known.frame.segment && pages <= FORMAT_FRAME_PAGES) {
      if (!content_add_frame(env, content, &known, &number))
        return;
      for (unsigned page = 0; page < pages; page++)
        add_unknown(env, content, hash[page], number, page);
    }
    hash += pages;
  }
}

/* Pages of the base, about what the program has. */
static uint64_t measure(struct cache *cache, const char *application,
                        int directory, uint64_t number) {
  struct image image;
  uint64_t pages = 0;
  while (number &&
         image_open(&image, cache, application, directory, number, NULL) == 0) {
    if (image.commit.pages > pages)
      pages = image.commit.pages;
    number = image.header.parent;
    image_close(&image);
  }
  return pages;
}

int recall_content(struct cache *cache, struct session *session, int directory,
                   uint64_t newest, struct hwckpt_error *error) {
  const struct cache_env *env = cache->env;
  const char *application = session->application;
  struct content *content = &session->content;
  struct place place = {cache, application, NULL};
  struct image_index index = {0};
  struct buffer hashes = {0};
  struct image image;
  content->pages_max = measure(cache, application, directory, newest);
  for (uint64_t number = newest;
       number &&
       image_open(&image, cache, application, directory, number, NULL) == 0;) {
    bool hashed = image.commit.hashes != 0;
    if (hashed && content->count == 0)
      content->seed = image.commit.hash_seed;
    /* The newest first: when the table is full, what is older is not worth
     * forgetting it. */
    if (hashed && content->seed == image.commit.hash_seed &&
        content->count < content->pages_max)
      recall_image(content, &image, &index, &hashes);
    number = image.header.parent;
    image_close(&image);
  }
  index_free(env, &index);
  buffer_free(env, &hashes);
  if (content->count)
    return 0;
  long got = env->io->getrandom(&content->seed, sizeof(content->seed));
  return got == (long)sizeof(content->seed)
             ? 0
             : place_fail_io(&place, error, got, "getrandom");
}
