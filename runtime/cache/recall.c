/* recall.c - reading back which content is in the log.
 *
 * The hashes of pages are in the generations' files, so that a restored program
 * writes nothing again that its cache has. All of it is for speed: whatever
 * cannot be read is passed over.
 */
#include "recall.h"

#include "blocks.h"
#include "publish.h"

#include <string.h>

/* What several generations have stands in the table once. */
static void add_unknown(const struct cache_env *env, struct content *content,
                        struct format_page_hash hash, uint32_t frame,
                        unsigned page) {
  uint32_t other_frame;
  unsigned other_page;
  if (!content_find(content, hash, 0, &other_frame, &other_page))
    content_add(env, content, hash, frame, page);
}

/* A frame of the log, with the hashes of its pages. False: there is no room. */
static bool recall_frame(const struct cache_env *env, struct content *content,
                         const struct format_frame *frame,
                         const struct format_page_hash *hash) {
  const struct content_frame known = {.frame = *frame};
  uint32_t number;
  size_t pages = frame->raw / CACHE_PAGE_SIZE;
  if (frame->segment == 0 || pages > FORMAT_FRAME_PAGES)
    return true;
  if (!content_add_frame(env, content, &known, &number))
    return false;
  for (unsigned page = 0; page < pages; page++)
    add_unknown(env, content, hash[page], number, page);
  return true;
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

/* The frames of one generation, and the hashes of their pages, which are read
 * as they are needed. */
struct recalling {
  struct blocks blocks;
  struct block_window window;
  struct image_index index;
  struct block_list hashes;
  uint64_t at; /* in that list */
};

/* The hashes of the next frame's pages. */
static bool next_hashes(struct recalling *in, const struct image *image,
                        size_t pages,
                        struct format_page_hash hashes[FORMAT_FRAME_PAGES]) {
  size_t left = pages * sizeof(*hashes);
  bool wanted = pages <= FORMAT_FRAME_PAGES;
  while (left) {
    const void *data;
    size_t length = left;
    if (wanted && blocks_read(&in->blocks, &in->hashes, image->fd, in->at,
                              &in->window, &data, &length, NULL) < 0)
      return false;
    if (length > left)
      length = left;
    if (wanted)
      memcpy((char *)hashes + pages * sizeof(*hashes) - left, data, length);
    in->at += length;
    left -= length;
  }
  return true;
}

static void recall_image(struct recalling *in, const struct image *image,
                         struct content *content) {
  const struct image_list what = image_hashes_list(image);
  struct format_page_hash hashes[FORMAT_FRAME_PAGES];
  if (blocks_load_frames(&in->blocks, image, &in->window, &in->index, NULL,
                         NULL) < 0 ||
      blocks_add(&in->blocks, image, &what, &in->window, &in->hashes, NULL) < 0)
    return;
  in->at = 0;
  for (uint64_t i = 0; i < image->commit.page_frames; i++) {
    const struct format_frame *frame = &in->index.frames[i];
    if (frame->flags & FORMAT_FRAME_HASHED &&
        (!next_hashes(in, image, frame->raw / CACHE_PAGE_SIZE, hashes) ||
         !recall_frame(image->cache->env, content, frame, hashes)))
      return;
  }
}

/* The newest first: when the table is full, what is older is not worth
 * forgetting it. */
static void recall_images(const struct source *from, struct recalling *in,
                          struct content *content) {
  struct image image;
  for (uint64_t number = from->newest;
       number && image_open(&image, from->cache, from->application,
                            from->directory, number, NULL) == 0;) {
    bool wanted = image.commit.hashes != 0 && image_is_in_log(&image);
    if (wanted && content->count == 0)
      content->seed = image.commit.hash_seed;
    in->blocks.sums.length = in->blocks.plain.length = 0;
    if (wanted && content->seed == image.commit.hash_seed &&
        content->count < content->pages_max)
      recall_image(in, &image, content);
    number = image.header.parent;
    image_close(&image);
  }
}

static void recall_chain(const struct source *from, struct content *content) {
  const struct cache_env *env = from->cache->env;
  struct recalling in = {.blocks = {.cache = from->cache,
                                    .application = from->application,
                                    .directory = from->directory},
                         .window = {.bytes = env->map(BLOCK_BYTES)}};
  content->pages_max += measure(from);
  if (!in.window.bytes)
    return;
  recall_images(from, &in, content);
  index_free(env, &in.index);
  blocks_free(&in.blocks);
  env->unmap(in.window.bytes, BLOCK_BYTES);
}

static void recall_frames(const struct cache_env *env, struct content *content,
                          const struct published *published) {
  const struct format_page_hash *hash = published->hashes;
  size_t left = published->hash_count;
  for (size_t i = 0; i < published->frame_count; i++) {
    const struct format_frame *frame = &published->frames[i];
    size_t pages = frame->raw / CACHE_PAGE_SIZE;
    if (!(frame->flags & FORMAT_FRAME_HASHED))
      continue;
    if (pages > left || !recall_frame(env, content, frame, hash))
      return;
    hash += pages;
    left -= pages;
  }
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
      recall_frames(from->cache->env, content, &published);
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
                   uint64_t number, struct hwckpt_error *error) {
  const struct cache_relatives *relatives = cache->relatives;
  struct content *content = &session->content;
  struct place place = {cache, session->application, NULL};
  struct source own = {cache, session->application, directory, number};
  content->pages_max = 0;
  recall_chain(&own, content);
  for (unsigned i = 0; relatives && number == 0 && i < CACHE_RELATIVES; i++)
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
