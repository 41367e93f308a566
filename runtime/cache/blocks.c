/* blocks.c - see blocks.h. */
#include "blocks.h"

#include <string.h>

_Static_assert(BLOCK_BYTES % sizeof(struct format_frame) == 0 &&
                   BLOCK_BYTES % sizeof(struct format_frame_1) == 0 &&
                   BLOCK_BYTES % sizeof(struct format_extent) == 0 &&
                   BLOCK_BYTES % sizeof(struct format_hole) == 0 &&
                   BLOCK_BYTES % sizeof(struct format_page_hash) == 0,
               "nothing lies in two blocks");

void blocks_free(struct blocks *blocks) {
  if (!blocks->cache)
    return;
  buffer_free(blocks->cache->env, &blocks->sums);
  buffer_free(blocks->cache->env, &blocks->plain);
}

static int fail_memory(const struct image *image, struct hwckpt_error *error) {
  struct place place = image_place(image);
  return place_fail(&place, error, HWCKPT_E_RESTORE_MEMORY, 0,
                    "looking through an index");
}

/* ---- adding ---- */

static size_t part_of(uint64_t length, uint64_t at) {
  return length - at < BLOCK_BYTES ? (size_t)(length - at) : BLOCK_BYTES;
}

static int add_plain(struct blocks *blocks, const struct image *image,
                     const struct image_list *what, struct block_list *list,
                     struct hwckpt_error *error) {
  const struct cache_env *env = image->cache->env;
  struct buffer whole = {0};
  int result = image_load_list(image, what, &whole, error);
  list->kept = blocks->plain.length;
  if (result == 0 &&
      !buffer_append(env, &blocks->plain, whole.data, whole.length))
    result = fail_memory(image, error);
  buffer_free(env, &whole);
  return result;
}

static int add_sums(struct blocks *blocks, const struct image *image,
                    const struct image_list *what, struct block_window *window,
                    struct block_list *list, struct hwckpt_error *error) {
  struct place place = image_place(image);
  struct format_hashing all;
  format_hash_begin(&all);
  list->kept = blocks->sums.length / sizeof(uint64_t);
  window->length = 0;
  for (uint64_t at = 0; at < what->length; at += BLOCK_BYTES) {
    size_t length = part_of(what->length, at);
    int result = io_read(&place, image->fd, window->bytes, length,
                         what->offset + at, error);
    if (result < 0)
      return result;
    uint64_t sum = format_hash(window->bytes, length);
    format_hash_add(&all, window->bytes, length);
    if (!buffer_append(image->cache->env, &blocks->sums, &sum, sizeof(sum)))
      return fail_memory(image, error);
  }
  return format_hash_end(&all) == what->checksum
             ? 0
             : place_damaged(&place, error, what->offset, what->damage);
}

int blocks_add(struct blocks *blocks, const struct image *image,
               const struct image_list *what, struct block_window *window,
               struct block_list *list, struct hwckpt_error *error) {
  *list = (struct block_list){.number = image->number,
                              .offset = what->offset,
                              .length = what->length,
                              .sealed = image->header.encrypted,
                              .damage = what->damage};
  if (what->length == 0)
    return 0;
  return list->sealed ? add_plain(blocks, image, what, list, error)
                      : add_sums(blocks, image, what, window, list, error);
}

/* ---- reading ---- */

static int read_file(const struct place *place, int directory, void *data,
                     size_t length, uint64_t offset,
                     struct hwckpt_error *error) {
  uint64_t size;
  int fd;
  int result = io_open_file(place, directory, &fd, &size, error);
  if (result < 0)
    return result;
  if (fd < 0)
    return place_fail(place, error, HWCKPT_E_NO_GENERATION, 0, "is gone");
  result = io_read(place, fd, data, length, offset, error);
  place->cache->env->io->close(fd);
  return result;
}

static int fail_list(const struct blocks *blocks, const struct block_list *list,
                     struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = {blocks->cache, blocks->application, file};
  format_generation_file(file, list->number, FORMAT_SUFFIX_GENERATION);
  return place_damaged(&place, error, list->offset, list->damage);
}

static int fill(const struct blocks *blocks, const struct block_list *list,
                int fd, uint64_t at, struct block_window *window,
                struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = {blocks->cache, blocks->application, file};
  size_t length = part_of(list->length, at);
  uint64_t offset = list->offset + at;
  const uint64_t *sums = blocks->sums.data;
  format_generation_file(file, list->number, FORMAT_SUFFIX_GENERATION);
  window->length = 0;
  int result = fd < 0
                   ? read_file(&place, blocks->directory, window->bytes, length,
                               offset, error)
                   : io_read(&place, fd, window->bytes, length, offset, error);
  if (result < 0)
    return result;
  if (format_hash(window->bytes, length) != sums[list->kept + at / BLOCK_BYTES])
    return fail_list(blocks, list, error);
  window->number = list->number;
  window->offset = offset;
  window->length = length;
  return 0;
}

int blocks_read(const struct blocks *blocks, const struct block_list *list,
                int fd, uint64_t offset, struct block_window *window,
                const void **data, size_t *length, struct hwckpt_error *error) {
  if (offset >= list->length)
    return fail_list(blocks, list, error);
  if (list->sealed) {
    *data = (const unsigned char *)blocks->plain.data + list->kept + offset;
    *length = (size_t)(list->length - offset);
    return 0;
  }
  uint64_t at = offset & ~(uint64_t)(BLOCK_BYTES - 1);
  bool there = window->length && window->number == list->number &&
               window->offset == list->offset + at;
  int result = there ? 0 : fill(blocks, list, fd, at, window, error);
  *data = window->bytes + (offset - at);
  *length = window->length - (size_t)(offset - at);
  return result;
}

/* ---- frames ---- */

struct scan {
  struct blocks *blocks;
  const struct image *image;
  struct block_window *window;
  struct block_list list;
  struct index_check check;
};

static int load_frames(const struct scan *scan, struct image_index *index,
                       struct hwckpt_error *error) {
  uint64_t bytes = image_extents_at(scan->image);
  index->bytes.length = index->frame_list.length = 0;
  index->extents.buffer.length = index->holes.buffer.length = 0;
  /* One byte more: it may be empty, its place may not. */
  if (!buffer_reserve(scan->image->cache->env, &index->bytes,
                      (size_t)bytes + 1))
    return fail_memory(scan->image, error);
  while (index->bytes.length < bytes) {
    const void *data;
    size_t length;
    int result =
        blocks_read(scan->blocks, &scan->list, scan->image->fd,
                    index->bytes.length, scan->window, &data, &length, error);
    if (result < 0)
      return result;
    if (length > bytes - index->bytes.length)
      length = (size_t)bytes - index->bytes.length;
    memcpy((unsigned char *)index->bytes.data + index->bytes.length, data,
           length);
    index->bytes.length += length;
  }
  return 0;
}

/* Extents and holes are looked at, and not kept. */
static int check_rest(struct scan *scan, struct hwckpt_error *error) {
  uint64_t holes = image_holes_at(scan->image);
  int result = 0;
  for (uint64_t at = image_extents_at(scan->image);
       at < scan->list.length && result == 0;) {
    const void *data;
    size_t length;
    result = blocks_read(scan->blocks, &scan->list, scan->image->fd, at,
                         scan->window, &data, &length, error);
    if (result == 0)
      result = at < holes ? index_check_extent(&scan->check, data, error)
                          : index_check_hole(&scan->check, data, error);
    at += sizeof(struct format_extent);
  }
  return result < 0 ? result : index_check_end(&scan->check, error);
}
_Static_assert(sizeof(struct format_extent) == sizeof(struct format_hole),
               "one step for both");

int blocks_load_frames(struct blocks *blocks, const struct image *image,
                       struct block_window *window, struct image_index *index,
                       struct block_list *list, struct hwckpt_error *error) {
  const struct image_list what = image_index_list(image);
  struct scan scan = {.blocks = blocks, .image = image, .window = window};
  int result = blocks_add(blocks, image, &what, window, &scan.list, error);
  if (result == 0)
    result = load_frames(&scan, index, error);
  if (result == 0)
    result = index_check_begin(&scan.check, image, index, error);
  if (result == 0)
    result = check_rest(&scan, error);
  buffer_free(image->cache->env, &scan.check.runs);
  if (list)
    *list = scan.list;
  return result;
}

int image_load_frames(const struct image *image, struct image_index *index,
                      struct hwckpt_error *error) {
  struct blocks blocks = {.cache = image->cache,
                          .application = image->application,
                          .directory = image->directory};
  struct block_window window = {.bytes = image->cache->env->map(BLOCK_BYTES)};
  int result = window.bytes ? blocks_load_frames(&blocks, image, &window, index,
                                                 NULL, error)
                            : fail_memory(image, error);
  if (window.bytes)
    image->cache->env->unmap(window.bytes, BLOCK_BYTES);
  blocks_free(&blocks);
  return result;
}
