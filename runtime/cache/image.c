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
                      "at byte %llu: %s of version %u, this reads up to %u",
                      (unsigned long long)offset, name, tag->version,
                      FORMAT_VERSION);
  return place_fail(&place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                    "at byte %llu: %s does not match its checksum",
                    (unsigned long long)offset, name);
}

/* ---- encryption ---- */

static int fail_forged(const struct image *image, uint64_t offset,
                       const char *what, struct hwckpt_error *error) {
  struct place place = image_place(image);
  return place_fail(&place, error, HWCKPT_E_CACHE_FORGED, 0, "at byte %llu: %s",
                    (unsigned long long)offset, what);
}

int image_unseal(const struct image *image, enum key_use use, uint64_t offset,
                 const void *sealed, size_t length, void *room,
                 struct hwckpt_error *error) {
  struct key_bound bound = {.use = use};
  struct place place = image_place(image);
  if (use != KEY_FRAME) {
    bound.number = image->header.number;
    bound.identity = image->header.identity;
  }
  if (!image->key)
    return place_fail(&place, error, HWCKPT_E_KEY_NEEDED, 0, "%s", "");
  return cipher_open(image->key, &bound, sizeof(bound), sealed, length, room)
             ? 0
             : fail_forged(image, offset, "what is encrypted there", error);
}

/* The messages of the file's begin and end. */
struct messages {
  unsigned char header[FORMAT_MESSAGE_MAX], commit[FORMAT_MESSAGE_MAX];
  size_t header_length, commit_length;
  uint64_t header_checksum;
};

/* With the key of the application, that both are by who had it. */
static int check_seal(struct image *image, const struct messages *messages,
                      struct hwckpt_error *error) {
  struct format_vouched vouched;
  struct place place = image_place(image);
  unsigned char nothing[1];
  bool encrypted = image->header.encrypted;
  int result =
      keys_to_read(image->cache, image->application, &image->key, error);
  if (result < 0 || (!image->key && !encrypted))
    return result;
  if (!encrypted)
    return fail_forged(image, 0, "not encrypted, as all others are", error);
  if (!image->key)
    return image->cache->has_key
               ? place_fail(&place, error, HWCKPT_E_KEY_MISSING, 0, "%s", "")
               : 0;
  if (!format_vouch(&vouched, messages->header, messages->header_length,
                    messages->commit, messages->commit_length) ||
      !cipher_open(image->key, &vouched, vouched.length,
                   messages->commit + messages->commit_length - CIPHER_MORE,
                   CIPHER_MORE, nothing))
    return fail_forged(image, image->size, "commit record", error);
  return 0;
}

/* ---- header and commit record ---- */

static int read_header(struct image *image, struct messages *messages,
                       struct hwckpt_error *error) {
  struct place place = image_place(image);
  unsigned char *message = messages->header;
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
  image->version = tag.version;
  image->identity = image->header.identity;
  messages->header_length = tag.length;
  messages->header_checksum = tag.checksum;
  return 0;
}

static int check_header(const struct image *image, struct hwckpt_error *error) {
  struct place place = image_place(image);
  const CacheHeader *header = &image->header;
  if (!format_same_name(header->application, image->application))
    return place_fail(&place, error, HWCKPT_E_CACHE_OTHER, 0,
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

static uint64_t frame_size(const struct image *image) {
  return image->version == 1 ? sizeof(struct format_frame_1)
                             : sizeof(struct format_frame);
}

static uint64_t index_length(const struct image *image) {
  const CacheCommit *commit = &image->commit;
  return (commit->page_frames + commit->record_frames) * frame_size(image) +
         commit->extents * sizeof(struct format_extent) +
         commit->holes * sizeof(struct format_hole);
}

static uint64_t hashes_length(const struct image *image) {
  return image->commit.hashes * sizeof(struct format_page_hash);
}

/* As it lies in the file; what is empty is not sealed. */
static uint64_t stored_length(const struct image *image, uint64_t length) {
  return length ? length + image_more(image) : 0;
}

/* Index and hashes must end exactly where the commit record (which lies around
 * `at`) begins. */
static int check_commit(const struct image *image, uint64_t at,
                        uint64_t index_end, struct hwckpt_error *error) {
  struct place place = image_place(image);
  const CacheCommit *commit = &image->commit;
  uint64_t most = index_end / 16 + 1;
  bool counts_fit = commit->page_frames <= most &&
                    commit->record_frames <= most && commit->extents <= most &&
                    commit->holes <= most && commit->hashes <= most &&
                    (image->version > 1 || commit->hashes == 0);
  if (commit->file_length != image->size || !counts_fit ||
      commit->index_offset < image->frames_offset ||
      commit->index_offset > index_end ||
      index_end - commit->index_offset !=
          stored_length(image, index_length(image)) +
              stored_length(image, hashes_length(image)))
    return place_damaged(&place, error, at,
                         "commit record does not fit the file");
  if (commit->number != image->number || commit->frame_pages == 0 ||
      commit->frame_pages > FORMAT_FRAME_PAGES_MAX ||
      commit->records_length > FORMAT_RECORDS_MAX)
    return place_damaged(&place, error, at, "commit record makes no sense");
  return 0;
}

static int read_commit(struct image *image, struct messages *messages,
                       struct hwckpt_error *error) {
  struct place place = image_place(image);
  unsigned char *message = messages->commit;
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
  messages->commit_length = tag.length;
  if (image->commit.header_checksum != messages->header_checksum)
    return place_damaged(&place, error, at,
                         "commit record is of another header");
  if (tag.version != image->version)
    return place_damaged(&place, error, at,
                         "commit record is of another version than the header");
  image->checksum = tag.checksum;
  if (image->version == 1) /* which knew no other name for it */
    image->identity = tag.checksum;
  return check_commit(image, at, at - tag.length, error);
}

bool cache_is_damage(int result) {
  return result == -HWCKPT_E_CACHE_DAMAGED ||
         result == -HWCKPT_E_CACHE_TRUNCATED ||
         result == -HWCKPT_E_CACHE_FORGED || result == -HWCKPT_E_CACHE_OTHER;
}

bool image_is_unreadable(int result) {
  return cache_is_damage(result) || result == -HWCKPT_E_CACHE_VERSION ||
         result == -HWCKPT_E_CACHE_OWNER || result == -HWCKPT_E_CACHE_MODE;
}

int image_open(struct image *image, struct cache *cache,
               const char *application, int directory, uint64_t number,
               struct hwckpt_error *error) {
  memset(image, 0, sizeof(*image));
  image->cache = cache;
  hwckpt_format(image->application, sizeof(image->application), "%s",
                application);
  image->number = number;
  image->directory = directory;
  format_generation_file(image->file, number, FORMAT_SUFFIX_GENERATION);

  struct place place = image_place(image);
  int result = io_open_file(&place, directory, &image->fd, &image->size, error);
  if (result < 0)
    return result;
  if (image->fd < 0)
    return place_fail(&place, error, HWCKPT_E_NO_GENERATION, 0,
                      "generation %llu", (unsigned long long)number);
  struct messages messages;
  result = read_header(image, &messages, error);
  if (result == 0)
    result = check_header(image, error);
  if (result == 0)
    result = read_commit(image, &messages, error);
  if (result == 0)
    result = check_seal(image, &messages, error);
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

bool image_is_in_log(const struct image *image) {
  char application[CACHE_NAME_MAX];
  const char *part;
  return image->version >= FORMAT_VERSION_SHARED ||
         !format_split_name(image->application, application, &part) || !part;
}

int image_fail_chain(const struct image *image, uint64_t below, const char *why,
                     struct hwckpt_error *error) {
  struct place place = image_place(image);
  return place_fail(&place, error, HWCKPT_E_CHAIN_BROKEN, 0,
                    "generation %llu, on which this builds, %s",
                    (unsigned long long)below, why);
}

int image_open_parent(struct image *image, const struct image *above,
                      struct hwckpt_error *error) {
  uint64_t number = above->header.parent;
  int result = image_open(image, above->cache, above->application,
                          above->directory, number, error);
  if (result == -HWCKPT_E_NO_GENERATION)
    return image_fail_chain(above, number, "is missing", error);
  if (result == 0 && image->identity != above->header.parent_commit) {
    image_close(image);
    return image_fail_chain(above, number, "is not the one it was", error);
  }
  return result;
}

/* ---- the index ---- */

/* Frames of the first version, as those of the second. */
static bool convert_frames(const struct image *image,
                           struct image_index *index) {
  const struct cache_env *env = image->cache->env;
  uint64_t frames = image->commit.page_frames + image->commit.record_frames;
  const struct format_frame_1 *from = index->bytes.data;
  uint64_t at = image->frames_offset;
  if (!buffer_reserve(env, &index->frame_list,
                      (size_t)(frames + 1) * sizeof(struct format_frame)))
    return false;
  struct format_frame *to = index->frame_list.data;
  for (uint64_t i = 0; i < frames; i++) {
    to[i] = (struct format_frame){.offset = at,
                                  .checksum = from[i].checksum,
                                  .stored = from[i].stored,
                                  .raw = from[i].raw};
    at += from[i].stored;
  }
  index->frames = to;
  return true;
}

static bool is_full(const struct image *image,
                    const struct format_frame *frame) {
  return frame->raw == image->commit.frame_pages * CACHE_PAGE_SIZE;
}

static bool page_frame_fits(const struct image *image, uint64_t i,
                            const struct format_frame *frame) {
  if (frame->raw % CACHE_PAGE_SIZE != 0 || frame->flags & ~FORMAT_FRAME_FLAGS)
    return false;
  if (image->version == 1) /* only the last may have fewer pages */
    return is_full(image, frame) || i + 1 == image->commit.page_frames;
  return frame->segment == 0 ||
         (frame->offset >= FORMAT_SEGMENT_HEADER &&
          frame->offset <= FORMAT_SEGMENT_LIMIT - frame->stored &&
          (frame->stored < frame->raw || image->header.encrypted ||
           frame->offset % CACHE_PAGE_SIZE == 0));
}

/* The frames in the generation's own file must fill it from the header to the
 * index. Says at which entry they do not. */
static bool check_frames(const struct image *image,
                         const struct image_index *index, uint64_t *bad) {
  const CacheCommit *commit = &image->commit;
  uint64_t frames = commit->page_frames + commit->record_frames;
  uint64_t at = image->frames_offset, records = 0, hashes = 0;
  uint64_t full = (uint64_t)commit->frame_pages * CACHE_PAGE_SIZE;
  for (uint64_t i = 0; i < frames; i++) {
    const struct format_frame *frame = &index->frames[i];
    bool is_pages = i < commit->page_frames;
    *bad = i;
    if (frame->stored <= image_more(image) ||
        frame->stored - image_more(image) > frame->raw || frame->raw > full)
      return false;
    if (is_pages ? !page_frame_fits(image, i, frame)
                 : frame->segment != 0 || frame->flags != 0)
      return false;
    if (frame->flags & FORMAT_FRAME_HASHED)
      hashes += frame->raw / CACHE_PAGE_SIZE;
    if (!is_pages)
      records += frame->raw;
    if (frame->segment != 0)
      continue;
    if (frame->offset != at || frame->stored > commit->index_offset - at)
      return false;
    at += frame->stored;
  }
  *bad = frames;
  return at == commit->index_offset && records == commit->records_length &&
         hashes == commit->hashes;
}

/* For each page frame how many pages are there from its first one on without a
 * gap: what an extent may span. */
static bool measure_runs(const struct image *image,
                         const struct image_index *index, struct buffer *runs) {
  uint64_t frames = image->commit.page_frames;
  if (!buffer_reserve(image->cache->env, runs,
                      (size_t)(frames + 1) * sizeof(uint64_t)))
    return false;
  uint64_t *run = runs->data;
  run[frames] = 0;
  for (uint64_t i = frames; i-- > 0;) {
    const struct format_frame *frame = &index->frames[i];
    run[i] =
        frame->raw / CACHE_PAGE_SIZE + (is_full(image, frame) ? run[i + 1] : 0);
  }
  return true;
}

static bool extent_fits(const struct index_check *check,
                        const struct format_extent *extent) {
  const CacheCommit *commit = &check->image->commit;
  const uint64_t *runs = check->runs.data;
  uint64_t frame = extent->slot / commit->frame_pages;
  uint64_t skip = extent->slot % commit->frame_pages;
  return runs && frame < commit->page_frames && runs[frame] >= skip &&
         extent->count <= runs[frame] - skip;
}

uint64_t image_extents_at(const struct image *image) {
  const CacheCommit *commit = &image->commit;
  return (commit->page_frames + commit->record_frames) * frame_size(image);
}

uint64_t image_holes_at(const struct image *image) {
  return image_extents_at(image) +
         image->commit.extents * sizeof(struct format_extent);
}

static int fail_entry(const struct image *image, uint64_t at, const char *what,
                      struct hwckpt_error *error) {
  struct place place = image_place(image);
  return place_damaged(&place, error, image->commit.index_offset + at, what);
}

static int fail_memory(const struct image *image, struct hwckpt_error *error) {
  unsigned long long frames =
      image->commit.page_frames + image->commit.record_frames;
  struct place place = image_place(image);
  return place_fail(&place, error, HWCKPT_E_RESTORE_MEMORY, 0,
                    "index of %llu frames", frames);
}

int index_check_begin(struct index_check *check, const struct image *image,
                      struct image_index *index, struct hwckpt_error *error) {
  struct buffer runs = check->runs;
  uint64_t bad;
  *check = (struct index_check){.image = image, .runs = runs};
  index->frames = index->bytes.data;
  if (image->version == 1 && !convert_frames(image, index))
    return fail_memory(image, error);
  if (!check_frames(image, index, &bad))
    return fail_entry(image, bad * frame_size(image),
                      "frame does not fit the file", error);
  return measure_runs(image, index, &check->runs) ? 0
                                                  : fail_memory(image, error);
}

static int fail_extent(const struct index_check *check,
                       struct hwckpt_error *error) {
  return fail_entry(check->image,
                    image_extents_at(check->image) +
                        check->extents * sizeof(struct format_extent),
                    "malformed extent", error);
}

int index_check_extent(struct index_check *check,
                       const struct format_extent *extent,
                       struct hwckpt_error *error) {
  uint64_t length = (uint64_t)extent->count * CACHE_PAGE_SIZE;
  if (extent->count == 0 || extent->address % CACHE_PAGE_SIZE != 0 ||
      extent->address < check->extents_end ||
      extent->address > UINT64_MAX - length || !extent_fits(check, extent))
    return fail_extent(check, error);
  check->extents_end = extent->address + length;
  check->pages += extent->count;
  check->extents++;
  return 0;
}

int index_check_hole(struct index_check *check, const struct format_hole *hole,
                     struct hwckpt_error *error) {
  if (hole->begin >= hole->end || (hole->begin | hole->end) % CACHE_PAGE_SIZE ||
      (check->holes > 0 && hole->begin <= check->holes_end))
    return fail_entry(check->image,
                      image_holes_at(check->image) +
                          check->holes * sizeof(*hole),
                      "malformed hole", error);
  check->holes_end = hole->end;
  check->holes++;
  return 0;
}

int index_check_end(struct index_check *check, struct hwckpt_error *error) {
  return check->pages == check->image->commit.pages ? 0
                                                    : fail_extent(check, error);
}

static int list_extents(struct index_check *check, struct image_index *index,
                        const struct format_extent *extents,
                        struct hwckpt_error *error) {
  const struct image *image = check->image;
  uint64_t count = 0;
  int result = 0;
  /* At once: growing would cost more than all the rest, and asking for room
   * each time as much. */
  if (!buffer_reserve(image->cache->env, &index->extents.buffer,
                      (size_t)(image->commit.extents + 1) *
                          sizeof(struct span)))
    return fail_memory(image, error);
  struct span *list = spans_at(&index->extents);
  for (uint64_t i = 0; i < image->commit.extents; i++) {
    struct format_extent extent = extents[i];
    result = index_check_extent(check, &extent, error);
    if (result < 0)
      return result;
    struct span span = {extent.address, check->extents_end, extent.slot};
    if (count && spans_continue(&list[count - 1], &span))
      list[count - 1].end = span.end;
    else
      list[count++] = span;
  }
  index->extents.buffer.length = (size_t)count * sizeof(struct span);
  return index_check_end(check, error);
}

static int list_holes(struct index_check *check, struct image_index *index,
                      const struct format_hole *holes,
                      struct hwckpt_error *error) {
  const struct image *image = check->image;
  for (uint64_t i = 0; i < image->commit.holes; i++) {
    struct format_hole hole = holes[i];
    int result = index_check_hole(check, &hole, error);
    if (result < 0)
      return result;
    struct span span = {hole.begin, hole.end, SPAN_NO_SLOT};
    if (!spans_append(image->cache->env, &index->holes, span))
      return fail_memory(image, error);
  }
  return 0;
}

/* What the bytes of the index say, once they are known to be whole. */
static int parse_index(const struct image *image, struct image_index *index,
                       struct hwckpt_error *error) {
  struct index_check check = {0};
  const unsigned char *bytes = index->bytes.data;
  int result = index_check_begin(&check, image, index, error);
  if (result == 0)
    result = list_extents(
        &check, index, (const void *)(bytes + image_extents_at(image)), error);
  if (result == 0)
    result = list_holes(&check, index,
                        (const void *)(bytes + image_holes_at(image)), error);
  buffer_free(image->cache->env, &check.runs);
  return result;
}

struct image_list image_index_list(const struct image *image) {
  return (struct image_list){KEY_INDEX, image->commit.index_offset,
                             index_length(image), image->commit.index_checksum,
                             "index does not match its checksum"};
}

struct image_list image_hashes_list(const struct image *image) {
  return (struct image_list){
      KEY_HASHES,
      image->commit.index_offset + stored_length(image, index_length(image)),
      hashes_length(image), image->commit.hashes_checksum,
      "hashes of pages do not match their checksum"};
}

int image_load_list(const struct image *image, const struct image_list *list,
                    struct buffer *into, struct hwckpt_error *error) {
  struct place place = image_place(image);
  size_t length = (size_t)stored_length(image, list->length);
  size_t more = length - (size_t)list->length;
  /* One byte more: it may be empty, its place may not. */
  if (!buffer_reserve(image->cache->env, into, length + 1))
    return place_fail(&place, error, HWCKPT_E_RESTORE_MEMORY, 0,
                      "index of %zu bytes", length);
  unsigned char *data = into->data;
  int result = io_read(&place, image->fd, data, length, list->offset, error);
  if (result == 0 && format_hash(data, length) != list->checksum)
    result = place_damaged(&place, error, list->offset, list->damage);
  if (result == 0 && more) {
    result = image_unseal(image, list->use, list->offset, data, length,
                          data + CIPHER_NONCE, error);
    memmove(data, data + CIPHER_NONCE, (size_t)list->length);
  }
  into->length = (size_t)list->length;
  return result;
}

int image_load_index(const struct image *image, struct image_index *index,
                     struct hwckpt_error *error) {
  const struct image_list list = image_index_list(image);
  index->bytes.length = index->frame_list.length = 0;
  index->extents.buffer.length = index->holes.buffer.length = 0;
  int result = image_load_list(image, &list, &index->bytes, error);
  return result == 0 ? parse_index(image, index, error) : result;
}

int image_load_hashes(const struct image *image, struct buffer *hashes,
                      struct hwckpt_error *error) {
  const struct image_list list = image_hashes_list(image);
  hashes->length = 0;
  return image->commit.hashes ? image_load_list(image, &list, hashes, error)
                              : 0;
}

void index_free(const struct cache_env *env, struct image_index *index) {
  buffer_free(env, &index->bytes);
  buffer_free(env, &index->frame_list);
  spans_free(env, &index->extents);
  spans_free(env, &index->holes);
}
