/* Undo logs: what was encoded is decoded; a record that is cut off ends the
 * log, a bit that fell over is found, whatever it is of; a length is not
 * believed; a path that leads up or sideways is refused. Logs are numbered,
 * listed from the newest on, told of replacements, and go with the generations
 * they lead back to. */
// RUN: %unit/undo_log
// RUN: env UNIT_KEY=1 %unit/undo_log
// RUN: %unit/sanitized/undo_log
// RUN: env UNIT_KEY=1 %unit/sanitized/undo_log
#include "Inputs/unit.h"

#include "runtime/cache/undo_log.h"

#include <unistd.h>

static char log_bytes[8192];

static size_t put(size_t at, const struct undo_record *record) {
  size_t length = undo_encode(record, log_bytes + at);
  size_t path = length - UNDO_HEAD - record->length;
  memcpy(log_bytes + at + UNDO_HEAD, record->path ? record->path : "", path);
  if (record->length)
    memcpy(log_bytes + at + UNDO_HEAD + path, record->data, record->length);
  return at + length;
}

static const struct undo_record records[] = {
    {.kind = UNDO_BEGIN, .offset = 7},
    {.kind = UNDO_NAME, .path = "/there/was/nothing"},
    {.kind = UNDO_NAME,
     .mode = 0120777,
     .inode = 4,
     .path = "/link",
     .data = "target",
     .length = 6},
    {.kind = UNDO_FILE,
     .mode = 0100644,
     .device = 1,
     .inode = 2,
     .birth_ns = 3,
     .size = 100,
     .mtime_ns = 5,
     .user = 6,
     .group = 7,
     .path = "/a file"},
    {.kind = UNDO_DATA,
     .device = 1,
     .inode = 2,
     .birth_ns = 3,
     .offset = 90,
     .data = "0123456789",
     .length = 10},
    {.kind = UNDO_WHOLE, .device = 1, .inode = 2, .birth_ns = 3},
    {.kind = UNDO_INSTEAD, .inode = 2, .offset = 1, .size = 9, .mtime_ns = 8},
    {.kind = UNDO_LEFT, .mode = 0100600, .size = 1, .path = "/left"},
    {.kind = UNDO_UNSEEN, .mode = UNSEEN_NO_RUNTIME, .path = "/bin/program"},
    {.kind = UNDO_FOLDERS},
    {.kind = UNDO_DONE, .offset = 96},
    {.kind = UNDO_ZEROS, .device = 1, .inode = 2, .offset = 4096, .size = 8192},
};
#define RECORDS (sizeof records / sizeof *records)

static size_t put_all(size_t ends[RECORDS]) {
  size_t at = 0;
  for (size_t i = 0; i < RECORDS; i++)
    ends[i] = at = put(at, &records[i]);
  return at;
}

static void check_same(const struct undo_record *a,
                       const struct undo_record *b) {
  CHECK(a->kind == b->kind && a->mode == b->mode && a->device == b->device &&
        a->inode == b->inode && a->birth_ns == b->birth_ns &&
        a->offset == b->offset && a->size == b->size &&
        a->mtime_ns == b->mtime_ns && a->user == b->user &&
        a->group == b->group && a->length == b->length);
  CHECK(strcmp(a->path ? a->path : "", b->path) == 0);
  CHECK(!a->length || memcmp(a->data, b->data, a->length) == 0);
}

/* Of a log in memory that ends where it ends. */
static size_t decode_all(size_t length, int *last) {
  struct undo_record record;
  char *copy = malloc(length + 1);
  size_t at = 0, count = 0;
  memcpy(copy, log_bytes, length);
  while ((*last = undo_decode(copy, length, &at, &record)) == 1) {
    if (count < RECORDS)
      check_same(&records[count], &record);
    count++;
  }
  free(copy);
  return count;
}

static void cut_anywhere(size_t length, const size_t *ends) {
  for (size_t cut = 0; cut <= length; cut++) {
    int last;
    size_t whole = 0;
    while (whole < RECORDS && ends[whole] <= cut)
      whole++;
    CHECK(decode_all(cut, &last) == whole);
    CHECK(last == 0);
  }
}

static void flip_anywhere(size_t length, const size_t *ends) {
  for (size_t bit = 0; bit < 8 * length; bit++) {
    int last;
    size_t hit = 0;
    while (ends[hit] <= bit / 8)
      hit++;
    log_bytes[bit / 8] ^= (char)(1 << bit % 8);
    CHECK(decode_all(length, &last) == hit);
    CHECK(last == -1);
    log_bytes[bit / 8] ^= (char)(1 << bit % 8);
  }
}

static void refuse(const struct undo_record *record) {
  struct undo_record decoded;
  size_t at = 0, length = put(0, record);
  CHECK(undo_decode(log_bytes, length, &at, &decoded) == -1);
  CHECK(at == 0);
}

static void refuse_paths(void) {
  static const char *const paths[] = {
      "relative", "/",   "//twice", "/a/../b", "/a/..",        "/./a",
      "/a/",      "/..", "/.",      "/a//b",   "/a/b/../../c",
  };
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    refuse(&(struct undo_record){.kind = UNDO_NAME, .path = paths[i]});
  refuse(&(struct undo_record){.kind = UNDO_NAME});
  refuse(&(struct undo_record){.kind = UNDO_DATA, .path = "/a"});
  refuse(&(struct undo_record){.kind = UNDO_WHOLE, .data = "x", .length = 1});
  refuse(&(struct undo_record){
      .kind = UNDO_DATA, .offset = UINT64_MAX, .data = "xy", .length = 2});
  refuse(&(struct undo_record){
      .kind = UNDO_ZEROS, .offset = UINT64_MAX, .size = 1});
  refuse(&(struct undo_record){
      .kind = UNDO_ZEROS, .size = 1, .data = "x", .length = 1});
  refuse(&(struct undo_record){.kind = (enum undo_kind)0});
  refuse(&(struct undo_record){.kind = (enum undo_kind)(UNDO_ZEROS + 1)});
  refuse(&(struct undo_record){.kind = UNDO_FOLDERS, .path = "/a"});
}

/* ---- in a cache ---- */

static uint64_t seen[8];
static size_t seen_count, seen_records;

static int see(uint64_t number, const void *log, size_t length, void *context) {
  struct undo_record record;
  size_t at = 0;
  CHECK(seen_count < 8);
  seen[seen_count++] = number;
  while (undo_decode(log, length, &at, &record) == 1)
    seen_records++;
  return context && number == *(uint64_t *)context;
}

static size_t look(struct cache *cache, const char *name, uint64_t *last) {
  seen_count = seen_records = 0;
  CHECK(cache_undo_each(cache, name, see, last, &unit_error) >= 0);
  return seen_count;
}

static uint64_t record_length; /* of one without path and data, in a log */

static void make_log(struct cache *cache, const char *name,
                     uint64_t generation) {
  const struct undo_record begin = {.kind = UNDO_BEGIN, .offset = generation};
  struct undo_sealing sealing;
  size_t length = put(0, &begin);
  int fd = cache_undo_create(cache, name, &sealing, &unit_error);
  CHECK(fd >= 0);
  CHECK(!sealing.key == !getenv("UNIT_KEY"));
  if (sealing.key)
    length = undo_seal(&cache_io_kernel, &sealing, 0, &begin, log_bytes);
  record_length = length;
  /* And a part of a record, as of who was killed while he wrote it. */
  CHECK(write(fd, log_bytes, length) == (ssize_t)length);
  CHECK(write(fd, log_bytes, 50) == 50);
  close(fd);
}

/* What is encrypted is not there otherwise; two records of a log exchanged, and
 * what was written without the key, are not taken. */
static void change(struct cache *cache, const char *name, const char *data) {
  char file[128];
  unsigned char *bytes;
  snprintf(file, sizeof file, "cache/%s/u0000000003.undo", name);
  size_t length = unit_read_file(unit_path(file), &bytes);
  bool sealed = getenv("UNIT_KEY") != NULL;
  CHECK(sealed == !memmem(bytes, length, data, strlen(data)));
  if (sealed) {
    unsigned char *one = bytes + record_length;
    size_t size = (length - record_length) / 16;
    unsigned char *swapped = malloc(size);
    memcpy(swapped, one, size);
    memcpy(one, one + size, size);
    memcpy(one + size, swapped, size);
    free(swapped);
    unit_write_file(unit_path(file), bytes, length);
    CHECK_ERROR(cache_undo_each(cache, name, see, NULL, &unit_error),
                CACHE_FORGED);
    const struct undo_record begin = {.kind = UNDO_BEGIN, .offset = 3};
    unit_write_file(unit_path(file), log_bytes, put(0, &begin));
    CHECK(look(cache, name, NULL) == 1 && seen_records == 0);
  }
  free(bytes);
}

static void in_a_cache(void) {
  struct cache *cache;
  struct cache_writer *writer;
  struct cache_write_options options = {0, 1};
  char name[CACHE_NAME_MAX];
  uint64_t second = 2;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "undo", name, &unit_error));
  for (uint64_t i = 1; i <= 3; i++) {
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
    make_log(cache, name, i);
  }
  make_log(cache, name, 3);
  CHECK(look(cache, name, NULL) == 4 && seen[0] == 4 && seen[3] == 1);
  CHECK(look(cache, name, &second) == 3);

  const struct undo_record instead = {.kind = UNDO_INSTEAD, .inode = 1};
  uint64_t at = record_length;
  for (int i = 0; i < 2; i++)
    CHECK_OK(cache_undo_append(cache, name, 4, &at, &instead, &unit_error));
  CHECK(at == 3 * record_length);
  second = 4;
  CHECK(look(cache, name, &second) == 1 && seen_records == 3);
  CHECK(cache_undo_append(cache, name, 9, &at, &instead, &unit_error) < 0);

  /* All generations are there: all are needed. */
  CHECK_OK(cache_undo_retain(cache, name, &unit_error));
  CHECK(look(cache, name, NULL) == 4);
  /* Two generations go, and the logs that lead back to them. */
  const struct cache_retention retention = {.keep = 1};
  CHECK_OK(cache_retain(cache, name, &retention, &unit_error));
  CHECK(look(cache, name, NULL) == 2 && seen[0] == 4 && seen[1] == 3);
  CHECK_OK(cache_undo_remove(cache, name, 4, 4, &unit_error));
  CHECK(look(cache, name, NULL) == 1 && seen[0] == 3);
  /* What is in logs counts. */
  uint64_t before, after;
  CHECK_OK(cache_used(cache, name, &before, &unit_error));
  const char data[4096] = "what a file held before";
  const struct undo_record large = {
      .kind = UNDO_DATA, .data = data, .length = sizeof data};
  at = record_length;
  for (uint64_t i = 0; i < 16; i++)
    CHECK_OK(cache_undo_append(cache, name, 3, &at, &large, &unit_error));
  CHECK_OK(cache_used(cache, name, &after, &unit_error));
  CHECK(after >= before + 65536);
  second = 0;
  CHECK(look(cache, name, &second) == 1 && seen_records == 17);
  change(cache, name, data);
  cache_close(cache);
}

int main(void) {
  size_t ends[RECORDS];
  size_t length = put_all(ends);
  int last;
  CHECK(decode_all(length, &last) == RECORDS && last == 0);
  cut_anywhere(length, ends);
  flip_anywhere(length, ends);
  refuse_paths();
  in_a_cache();
  CHECK(unit_mapped() == 0);
  return 0;
}
