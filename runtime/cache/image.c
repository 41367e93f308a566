/* image.c - opening one generation file: header, commit record, index. */
#include "image.h"

#include <string.h>

struct place image_place(const struct image *image) {
  return (struct place){image->cache, image->application, image->file};
}

static int fail_tag(const struct image *image, enum format_status status,
                    const struct format_tag *tag, uint64_t offset,
                    const char *name, struct hwckpt_error *error) {
  struct place place = image_place(image);
  if (status == FORMAT_OTHER)
    return place_fail(&place, error, HWCKPT_E_CACHE_VERSION, 0,
                      "at byte %llu: %s of version %u, this is version %u",
                      (unsigned long long)offset, name, tag->version,
                      FORMAT_VERSION);
  return place_fail(&place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                    "at byte %llu: %s does not match its checksum",
                    (unsigned long long)offset, name);
}

static int read_header(struct image *image, uint64_t *checksum,
                       struct hwckpt_error *error) {
  struct place place = image_place(image);
  unsigned char message[FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  int result = io_read(&place, image->fd, &tag, sizeof(tag), 0, error);
  if (result < 0)
    return result;
  enum format_status status = format_check_tag(&tag, FORMAT_MAGIC_HEADER);
  if (status == FORMAT_NOT_ONE)
    return place_damaged(&place, error, 0, "not a generation file");
  if (status == FORMAT_OK) {
    result =
        io_read(&place, image->fd, message, tag.length, sizeof(tag), error);
    if (result < 0)
      return result;
    status = format_check(&tag, FORMAT_MAGIC_HEADER, message);
  }
  if (status != FORMAT_OK)
    return fail_tag(image, status, &tag, 0, "header", error);
  if (!format_decode_header(&image->header, message, tag.length))
    return place_damaged(&place, error, sizeof(tag), "malformed header");
  image->frames_offset = sizeof(tag) + tag.length;
  *checksum = tag.checksum;
  return 0;
}

static int check_header(const struct image *image, struct hwckpt_error *error) {
  struct place place = image_place(image);
  const CacheHeader *header = &image->header;
  if (!format_same_name(header->application, image->application))
    return place_fail(&place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                      "at byte 0: belongs to application '%s'",
                      header->application);
  if (header->number != image->number)
    return place_fail(&place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                      "at byte 0: is generation %llu",
                      (unsigned long long)header->number);
  if (header->parent >= header->number)
    return place_damaged(&place, error, 0, "parent is not older than itself");
  return 0;
}

static int read_commit(struct image *image, uint64_t header_checksum,
                       struct hwckpt_error *error) {
  struct place place = image_place(image);
  unsigned char message[FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  uint64_t room = image->size - image->frames_offset;
  if (room < sizeof(tag))
    return place_truncated(&place, error, image->size, "no commit record");
  uint64_t at = image->size - sizeof(tag);
  int result = io_read(&place, image->fd, &tag, sizeof(tag), at, error);
  if (result < 0)
    return result;
  enum format_status status = format_check_tag(&tag, FORMAT_MAGIC_COMMIT);
  if (status == FORMAT_NOT_ONE)
    return place_truncated(&place, error, image->size,
                           "no commit record at its end");
  if (status == FORMAT_OK && tag.length > room - sizeof(tag))
    status = FORMAT_DAMAGED;
  if (status == FORMAT_OK) {
    result =
        io_read(&place, image->fd, message, tag.length, at - tag.length, error);
    if (result < 0)
      return result;
    status = format_check(&tag, FORMAT_MAGIC_COMMIT, message);
  }
  if (status != FORMAT_OK)
    return fail_tag(image, status, &tag, at, "commit record", error);
  if (!format_decode_commit(&image->commit, message, tag.length))
    return place_damaged(&place, error, at, "malformed commit record");
  if (image->commit.header_checksum != header_checksum)
    return place_damaged(&place, error, at,
                         "commit record is of another header");
  image->commit_checksum = tag.checksum;

  /* The index must end exactly where the commit record begins. */
  const CacheCommit *commit = &image->commit;
  uint64_t index_end = at - tag.length;
  uint64_t entries_max = index_end / 16 + 1;
  bool counts_fit = commit->page_frames <= entries_max &&
                    commit->record_frames <= entries_max &&
                    commit->extents <= entries_max &&
                    commit->holes <= entries_max;
  if (commit->file_length != image->size || !counts_fit ||
      commit->index_offset < image->frames_offset ||
      commit->index_offset > index_end ||
      index_end - commit->index_offset !=
          (commit->page_frames + commit->record_frames) *
                  sizeof(struct format_frame) +
              commit->extents * sizeof(struct format_extent) +
              commit->holes * sizeof(struct format_hole))
    return place_damaged(&place, error, at,
                         "commit record does not fit the file");
  if (commit->number != image->number || commit->frame_pages == 0 ||
      commit->frame_pages > FORMAT_FRAME_PAGES_MAX ||
      commit->records_length > FORMAT_RECORDS_MAX)
    return place_damaged(&place, error, at, "commit record makes no sense");
  return 0;
}

int image_open(struct image *image, struct cache *cache,
               const char *application, int directory, uint64_t number,
               struct hwckpt_error *error) {
  memset(image, 0, sizeof(*image));
  image->cache = cache;
  hwckpt_format(image->application, sizeof(image->application), "%s",
                application);
  image->number = number;
  format_generation_file(image->file, number, FORMAT_SUFFIX_GENERATION);

  struct place place = image_place(image);
  int result = io_open_file(&place, directory, &image->fd, &image->size, error);
  if (result < 0)
    return result;
  if (image->fd < 0)
    return place_fail(&place, error, HWCKPT_E_NO_GENERATION, 0,
                      "generation %llu", (unsigned long long)number);
  uint64_t header_checksum = 0;
  result = read_header(image, &header_checksum, error);
  if (result == 0)
    result = check_header(image, error);
  if (result == 0)
    result = read_commit(image, header_checksum, error);
  if (result < 0) {
    image_close(image);
    memset(&image->header, 0, sizeof(image->header));
    memset(&image->commit, 0, sizeof(image->commit));
  }
  return result;
}

void image_close(struct image *image) {
  if (image->fd >= 0)
    image->cache->env->io->close(image->fd);
  image->fd = -1;
}

/* ---- the index ---- */

/* Where each frame lies; all together must fill the file from the header to
 * the index. Says at which entry they do not. */
static bool place_frames(const struct image *image, struct image_index *index,
                         uint64_t *bad) {
  const CacheCommit *commit = &image->commit;
  uint64_t frames = commit->page_frames + commit->record_frames;
  uint64_t *offsets = index->offsets.data;
  uint64_t at = image->frames_offset, records = 0;
  uint64_t full = (uint64_t)commit->frame_pages * CACHE_PAGE_SIZE;
  for (uint64_t i = 0; i < frames; i++) {
    const struct format_frame *frame = &index->frames[i];
    *bad = i;
    bool page_frame = i < commit->page_frames;
    bool last = i + 1 == commit->page_frames;
    if (frame->stored == 0 || frame->stored > frame->raw || frame->raw > full ||
        frame->stored > commit->index_offset - at)
      return false;
    if (page_frame && frame->raw != full &&
        (!last || frame->raw % CACHE_PAGE_SIZE != 0))
      return false;
    offsets[i] = at;
    at += frame->stored;
    if (!page_frame)
      records += frame->raw;
  }
  *bad = frames;
  offsets[frames] = at;
  return at == commit->index_offset && records == commit->records_length;
}

static uint64_t slot_count(const struct image *image,
                           const struct image_index *index) {
  uint64_t frames = image->commit.page_frames;
  if (frames == 0)
    return 0;
  return (frames - 1) * image->commit.frame_pages +
         index->frames[frames - 1].raw / CACHE_PAGE_SIZE;
}

/* Both list functions: false with *bad unchanged when there is no memory, with
 * *bad set to the entry when that is wrong. */
#define NONE_BAD UINT64_MAX

static bool list_extents(const struct image *image, struct image_index *index,
                         const struct format_extent *extents, uint64_t *bad) {
  uint64_t slots = slot_count(image, index), end = 0, pages = 0;
  for (uint64_t i = 0; i < image->commit.extents; i++) {
    struct format_extent extent = extents[i];
    uint64_t length = (uint64_t)extent.count * CACHE_PAGE_SIZE;
    if (extent.count == 0 || extent.address % CACHE_PAGE_SIZE != 0 ||
        extent.address < end || extent.address > UINT64_MAX - length ||
        extent.slot >= slots || extent.count > slots - extent.slot) {
      *bad = i;
      return false;
    }
    end = extent.address + length;
    pages += extent.count;
    struct span span = {extent.address, end, extent.slot};
    if (!spans_append(image->cache->env, &index->extents, span))
      return false;
  }
  if (pages != image->commit.pages) {
    *bad = image->commit.extents;
    return false;
  }
  return true;
}

static bool list_holes(const struct image *image, struct image_index *index,
                       const struct format_hole *holes, uint64_t *bad) {
  uint64_t end = 0;
  for (uint64_t i = 0; i < image->commit.holes; i++) {
    struct format_hole hole = holes[i];
    if (hole.begin >= hole.end || (hole.begin | hole.end) % CACHE_PAGE_SIZE ||
        (i > 0 && hole.begin <= end)) {
      *bad = i;
      return false;
    }
    end = hole.end;
    struct span span = {hole.begin, hole.end, SPAN_NO_SLOT};
    if (!spans_append(image->cache->env, &index->holes, span))
      return false;
  }
  return true;
}

int image_load_index(const struct image *image, struct image_index *index,
                     struct hwckpt_error *error) {
  const struct cache_env *env = image->cache->env;
  const CacheCommit *commit = &image->commit;
  struct place place = image_place(image);
  uint64_t frames = commit->page_frames + commit->record_frames;
  uint64_t extents_at = frames * sizeof(struct format_frame);
  uint64_t holes_at =
      extents_at + commit->extents * sizeof(struct format_extent);
  uint64_t length = holes_at + commit->holes * sizeof(struct format_hole);

  index->bytes.length = index->offsets.length = 0;
  index->extents.buffer.length = index->holes.buffer.length = 0;
  /* One byte more: the index may be empty, its place may not. */
  if (!buffer_reserve(env, &index->bytes, (size_t)length + 1) ||
      !buffer_reserve(env, &index->offsets,
                      (size_t)(frames + 1) * sizeof(uint64_t)))
    goto no_memory;
  index->bytes.length = (size_t)length;
  unsigned char *bytes = index->bytes.data;
  int result = io_read(&place, image->fd, bytes, (size_t)length,
                       commit->index_offset, error);
  if (result < 0)
    return result;
  if (format_hash(bytes, (size_t)length) != commit->index_checksum)
    return place_damaged(&place, error, commit->index_offset,
                         "index does not match its checksum");

  index->frames = (const void *)bytes;
  uint64_t bad;
  if (!place_frames(image, index, &bad))
    return place_damaged(
        &place, error, commit->index_offset + bad * sizeof(struct format_frame),
        "frame does not fit the file");
  bad = NONE_BAD;
  if (!list_extents(image, index, (const void *)(bytes + extents_at), &bad)) {
    if (bad == NONE_BAD)
      goto no_memory;
    return place_damaged(&place, error,
                         commit->index_offset + extents_at +
                             bad * sizeof(struct format_extent),
                         "malformed extent");
  }
  if (!list_holes(image, index, (const void *)(bytes + holes_at), &bad)) {
    if (bad == NONE_BAD)
      goto no_memory;
    return place_damaged(&place, error,
                         commit->index_offset + holes_at +
                             bad * sizeof(struct format_hole),
                         "malformed hole");
  }
  return 0;

no_memory:
  return place_fail(&place, error, HWCKPT_E_RESTORE_MEMORY, 0,
                    "index of %llu bytes", (unsigned long long)length);
}

void index_free(const struct cache_env *env, struct image_index *index) {
  buffer_free(env, &index->bytes);
  buffer_free(env, &index->offsets);
  spans_free(env, &index->extents);
  spans_free(env, &index->holes);
}
