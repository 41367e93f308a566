/* A generation as one stream: what is copied out and in again is the same, and
 * so are a stream and one of what came since; a stream that was altered or cut
 * off at any place is refused, and leaves nothing. With a path, that file is
 * read: a stream of each version that ever was (`stream write FILE`). */
// RUN: %unit/stream
// RUN: %unit/sanitized/stream
// RUN: %unit/sanitized/stream %src/test/cache/Inputs/stream-1.hwx
#include "Inputs/unit.h"

#include "tools/tiers/copy.h"

#include <dirent.h>

struct bytes {
  unsigned char *data;
  size_t length, at;
};

static struct bytes streams[3]; /* 0: whole, of 2; 1: of 1; 2: 2 since 1 */
static struct model models[3];
static struct cache *cache;
static const struct seal_key *key; /* of all that is written and read */

static int put_bytes(void *context, const void *data, size_t length,
                     struct hwckpt_error *error) {
  struct bytes *bytes = context;
  (void)error;
  bytes->data = realloc(bytes->data, bytes->length + length);
  CHECK(bytes->data);
  memcpy(bytes->data + bytes->length, data, length);
  bytes->length += length;
  return 0;
}

static int get_bytes(void *context, void *data, size_t length, size_t *got,
                     struct hwckpt_error *error) {
  struct bytes *bytes = context;
  (void)error;
  size_t left = bytes->length - bytes->at;
  *got = length < left ? length : left;
  if (*got)
    memcpy(data, bytes->data + bytes->at, *got);
  bytes->at += *got;
  return 0;
}

static int open_bytes(void *context, size_t i, struct stream_source *source,
                      struct hwckpt_error *error) {
  struct bytes *bytes = (struct bytes *)context + i;
  (void)error;
  bytes->at = 0;
  *source = (struct stream_source){get_bytes, bytes, "stream", key};
  return 0;
}

static void close_bytes(void *context, size_t i) {
  (void)context;
  (void)i;
}

static int take(const char *application, struct bytes *from, size_t count,
                struct cache_generation *result) {
  const struct copy_sources sources = {open_bytes, close_bytes, from, count};
  memset(&unit_error, 0, sizeof unit_error);
  CHECK_OK(cache_use_application(cache, application, &unit_error));
  return copy_in(cache, application, &sources, 1, result, &unit_error);
}

static void write_generations(void) {
  for (uint64_t number = 1; number <= 2; number++) {
    struct cache_write_options options = {number - 1, 1};
    struct cache_writer *writer;
    CHECK_OK(cache_begin(cache, "a", &options, &writer, &unit_error));
    if (number == 1) {
      models[1].pages = 128;
      CHECK_OK(unit_put(writer, &models[1], 0, 80, 1, &unit_error));
      CHECK_OK(cache_put_record(writer, 1, "old", 3, &unit_error));
    } else {
      models[2] = models[1];
      CHECK_OK(unit_put(writer, &models[2], 7, 2, 2, &unit_error));
      CHECK_OK(unit_put(writer, &models[2], 70, 20, 2, &unit_error));
      CHECK_OK(unit_put_hole(writer, &models[2], 20, 10, &unit_error));
      CHECK_OK(cache_put_record(writer, 7, "new", 3, &unit_error));
      CHECK_OK(cache_put_record(writer, 8, "", 0, &unit_error));
    }
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
  }
}

static void copy(uint64_t number, const struct copy_parent *parent,
                 struct bytes *bytes) {
  struct stream_sink sink = {put_bytes, bytes, key};
  struct cache_reader *reader;
  CHECK_OK(cache_reader_open(cache, "a", number, &reader, &unit_error));
  CHECK_OK(copy_out(cache, reader, parent, 3, &sink, &unit_error));
  cache_reader_close(reader);
}

static void copy_all(void) {
  struct cache_reader *reader;
  CHECK_OK(cache_reader_open(cache, "a", 1, &reader, &unit_error));
  const struct copy_parent parent = {1,
                                     cache_reader_generation(reader)->identity};
  const struct copy_parent other = {1, parent.identity + 1};
  cache_reader_close(reader);
  CHECK_OK(cache_reader_open(cache, "a", 2, &reader, &unit_error));
  CHECK(copy_builds_on(reader, &parent) && !copy_builds_on(reader, &other));
  cache_reader_close(reader);
  copy(2, NULL, &streams[0]);
  copy(1, NULL, &streams[1]);
  copy(2, &parent, &streams[2]);
  CHECK(streams[2].length < streams[0].length / 2);
  struct bytes again = {0};
  copy(2, NULL, &again);
  CHECK(again.length == streams[0].length &&
        memcmp(again.data, streams[0].data, again.length) == 0);
  free(again.data);
}

static void check_copy(const char *application, uint64_t number) {
  struct cache_reader *reader;
  uint32_t type;
  const void *data;
  size_t length;
  CHECK_OK(cache_verify(cache, application, number, &unit_error));
  CHECK_OK(unit_compare(cache, application, number, &models[2], &unit_error));
  CHECK_OK(cache_reader_open(cache, application, number, &reader, &unit_error));
  CHECK(cache_reader_record(reader, 0, &type, &data, &length));
  CHECK(type == 7 && length == 3 && memcmp(data, "new", 3) == 0);
  CHECK(cache_reader_record(reader, 1, &type, &data, &length));
  CHECK(type == 8 && length == 0);
  CHECK(!cache_reader_record(reader, 2, &type, &data, &length));
  cache_reader_close(reader);
}

static int count_files(const char *application) {
  char below[64];
  int count = 0;
  snprintf(below, sizeof below, "cache/%s", application);
  DIR *directory = opendir(unit_path(below));
  CHECK(directory);
  for (struct dirent *entry; (entry = readdir(directory));)
    count += entry->d_name[0] == 'g';
  closedir(directory);
  return count;
}

/* Each byte of the small one, and some of the large. */
static void refuse_altered(struct bytes *whole, size_t step) {
  for (size_t i = 0; i < whole->length; i += step) {
    struct bytes one = {whole->data, whole->length, 0};
    whole->data[i] ^= (unsigned char)(1 + i % 255);
    CHECK(take("refused", &one, 1, NULL) < 0);
    whole->data[i] ^= (unsigned char)(1 + i % 255);
    one.length = i;
    CHECK(take("refused", &one, 1, NULL) < 0);
  }
  struct bytes longer = {malloc(whole->length + 1), whole->length + 1, 0};
  memcpy(longer.data, whole->data, whole->length);
  longer.data[whole->length] = 0;
  CHECK_ERROR(take("refused", &longer, 1, NULL), STREAM_DAMAGED);
  free(longer.data);
  CHECK(count_files("refused") == 0);
}

static void refuse_chains(void) {
  struct bytes wrong[2] = {streams[2], streams[1]};
  CHECK_ERROR(take("refused", &streams[2], 1, NULL), STREAM_DAMAGED);
  CHECK_ERROR(take("refused", wrong, 2, NULL), STREAM_DAMAGED);
  CHECK(count_files("refused") == 0);
}

static void read_golden(const char *path) {
  struct bytes golden = {0};
  golden.length = unit_read_file(path, &golden.data);
  CHECK_OK(take("golden", &golden, 1, NULL));
  check_copy("golden", 2);
  free(golden.data);
}

/* Encrypted: nothing of it is seen, another key or none is refused, and so is
 * one that is not encrypted. */
static void check_sealed(void) {
  const struct seal_key right = {"right"}, wrong = {"wrong"};
  struct bytes plain = {0}, sealed = {0};
  struct cache_generation result;
  copy(2, NULL, &plain);
  key = &right;
  copy(2, NULL, &sealed);
  CHECK(sealed.length > plain.length);
  CHECK(memmem(plain.data, plain.length, "new", 3));
  CHECK(!memmem(sealed.data, sealed.length, "new", 3));
  CHECK_OK(take("sealed", &sealed, 1, &result));
  check_copy("sealed", 2);
  CHECK_ERROR(take("refused", &plain, 1, NULL), NOT_ENCRYPTED);
  refuse_altered(&sealed, 1999);
  key = &wrong;
  CHECK_ERROR(take("refused", &sealed, 1, NULL), KEY_WRONG);
  key = NULL;
  CHECK_ERROR(take("refused", &sealed, 1, NULL), KEY_NEEDED);
  CHECK(count_files("refused") == 0);
  free(plain.data);
  free(sealed.data);
}

int main(int argc, char **argv) {
  struct cache_generation result;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_use_application(cache, "a", &unit_error));
  write_generations();
  copy_all();
  if (argc == 3) {
    unit_write_file(argv[2], streams[0].data, streams[0].length);
    return 0;
  }
  if (argc == 2)
    read_golden(argv[1]);
  CHECK_OK(take("b", &streams[0], 1, &result));
  CHECK(result.number == 2 && result.parent == 0);
  check_copy("b", 2);
  CHECK_OK(take("c", &streams[1], 2, &result));
  CHECK(result.number == 2);
  check_copy("c", 2);
  /* Beside one that is there it gets another number. */
  CHECK_OK(take("c", &streams[0], 1, &result));
  CHECK(result.number == 3);
  check_copy("c", 3);
  refuse_altered(&streams[1], argc == 2 ? 4999 : 499);
  refuse_chains();
  check_sealed();
  for (int i = 0; i < 3; i++)
    free(streams[i].data);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
