/* What is written and committed is read back: pages, records, figures. */
// RUN: %unit/cache_write_read
// RUN: env UNIT_KEY=1 %unit/cache_write_read
// RUN: %unit/sanitized/cache_write_read
#include "Inputs/unit.h"

static void check_records(struct cache_reader *reader) {
  static char big[1 << 20];
  uint32_t type;
  const void *data;
  size_t length;
  memset(big, 'r', sizeof(big));
  CHECK(cache_reader_record(reader, 0, &type, &data, &length));
  CHECK(type == 7 && length == 5 && memcmp(data, "hello", 5) == 0);
  CHECK(cache_reader_record(reader, 1, &type, &data, &length));
  CHECK(type == 0xffffffff && length == 0);
  CHECK(cache_reader_record(reader, 2, &type, &data, &length));
  CHECK(type == 1 && length == sizeof(big) && !memcmp(data, big, length));
  CHECK(!cache_reader_record(reader, 3, &type, &data, &length));
}

static void put_records(struct cache_writer *writer) {
  static char big[(1 << 20) + 1];
  memset(big, 'r', sizeof(big));
  CHECK_OK(cache_put_record(writer, 7, "hello", 5, &unit_error));
  CHECK_OK(cache_put_record(writer, 0xffffffff, NULL, 0, &unit_error));
  CHECK_OK(cache_put_record(writer, 1, big, 1 << 20, &unit_error));
  CHECK_ERROR(cache_put_record(writer, 1, big, sizeof(big), &unit_error),
              CAPTURE);
}

static void write_and_read(struct cache *cache, int level) {
  char name[CACHE_NAME_MAX];
  struct model model = {.pages = 4096};
  struct cache_write_options options = {0, level};
  struct cache_writer *writer;
  struct cache_generation generation;
  CHECK_OK(cache_new_application(cache, "a program!", name, &unit_error));
  CHECK(strncmp(name, "a_program_-", 11) == 0);
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == 1);
  CHECK_OK(unit_put(writer, &model, 0, 1, 1, &unit_error));
  CHECK_OK(unit_put(writer, &model, 10, 200, 1, &unit_error));
  CHECK_OK(unit_put(writer, &model, 4000, 96, 2, &unit_error));
  CHECK_OK(unit_put(writer, &model, 1000, 3000, 3, &unit_error));
  for (size_t i = 300; i < 900; i += 2)
    CHECK_OK(unit_put(writer, &model, i, 1, 4, &unit_error));
  put_records(writer);
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK(generation.number == 1 && generation.parent == 0);
  CHECK(generation.pages == 1 + 200 + 96 + 3000 + 300);
  CHECK(strcmp(generation.application, name) == 0);
  CHECK(generation.raw_bytes >=
        generation.pages * CACHE_PAGE_SIZE + (1 << 20) + 5);
  CHECK(generation.commit_ns > UINT64_C(1600000000000000000));
  CHECK(level == 0 ? generation.bytes > generation.raw_bytes
                   : generation.bytes < generation.raw_bytes);

  struct cache_reader *reader;
  CHECK_OK(cache_reader_open(cache, name, 1, &reader, &unit_error));
  CHECK(cache_reader_chain(reader) == 1);
  CHECK(unit_same_generation(cache_reader_generation(reader), &generation));
  check_records(reader);
  cache_reader_close(reader);
  CHECK_OK(unit_compare(cache, name, 1, &model, &unit_error));
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
}

/* A generation without anything is one too. */
static void write_nothing(struct cache *cache) {
  char name[CACHE_NAME_MAX];
  struct model model = {.pages = 4096};
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_new_application(cache, "", name, &unit_error));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(cache_put_pages(writer, 0, NULL, 0, &unit_error));
  CHECK_OK(cache_put_hole(writer, 0, 0, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  CHECK_OK(unit_compare(cache, name, 1, &model, &unit_error));
}

int main(void) {
  int descriptors = unit_descriptors();
  static const int levels[] = {0, 1, 3, 9, -5};
  for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
    const struct cache_env *env = i % 2 ? &cache_env_kernel : &unit_env;
    struct cache *cache;
    CHECK_OK(cache_open(env, unit_path("made/with/parents/"), true, &cache,
                        &unit_error));
    write_and_read(cache, levels[i]);
    write_nothing(cache);
    cache_close(cache);
  }
  CHECK(unit_mapped() == 0);
  CHECK(unit_descriptors() == descriptors);
  return 0;
}
