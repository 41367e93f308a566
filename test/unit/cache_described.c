/* docs/format.md says all that a reader needs: one that was made from it alone
 * (Inputs/format_reader.py, and format_undo.py) reads of every generation and
 * every undo log what ours reads, of a cache with all that there is in one,
 * encrypted or not, and of the golden images.
 */
// RUN: rm -rf %t.caches && mkdir %t.caches
// RUN: %unit/cache_described write %t.caches/all
// RUN: env UNIT_KEY=1 %unit/cache_described write %t.caches/sealed
// RUN: for golden in v1 v2 v2-merged v2-parts v3-parts v3-encrypted v4-parts \
// RUN:     v4-encrypted; do \
// RUN:   cp -r %src/test/cache/Inputs/$golden %t.caches || exit 1; done
// RUN: chmod -R go-w %t.caches
// RUN: bash %S/Inputs/read-by-both %unit/cache_described %python \
// RUN:   %S/Inputs %t.caches
// RUN: rm -rf %t.caches
#include "Inputs/unit.h"

#include "runtime/cache/undo_log.h"

#include <unistd.h>

static const char *const name = "described";

/* ---- a cache with all that there is ---- */

static struct model model = {.pages = 1024};
static struct cache *cache;
static uint64_t newest;

static struct cache_writer *begin(bool base, int level) {
  struct cache_write_options options = {base ? 0 : newest, level};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  return writer;
}

static void put(struct cache_writer *writer, size_t first, size_t count,
                unsigned version) {
  CHECK_OK(unit_put(writer, &model, first, count, version, &unit_error));
}

static void commit(struct cache_writer *writer) {
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  newest = generation.number;
}

/* Records of all kinds, the last one cut off. */
static void write_undo_log(void) {
  static char data[5000];
  static const struct undo_record records[] = {
      {.kind = UNDO_BEGIN, .offset = 3},
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
       .data = data,
       .length = sizeof(data)},
      {.kind = UNDO_WHOLE, .device = 1, .inode = 2, .birth_ns = 3},
      {.kind = UNDO_INSTEAD, .inode = 2, .offset = 1, .size = 9, .mtime_ns = 8},
      {.kind = UNDO_LEFT, .mode = 0100600, .size = 1, .path = "/left"},
  };
  struct undo_sealing sealing;
  uint64_t at = 0;
  for (size_t i = 0; i < sizeof(data); i++)
    data[i] = (char)(i * i >> 7);
  int fd = cache_undo_create(cache, name, &sealing, &unit_error);
  CHECK(fd >= 0);
  for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
    CHECK_OK(cache_undo_append(cache, name, sealing.number, &at, &records[i],
                               &unit_error));
  uint64_t whole = at;
  CHECK_OK(cache_undo_append(cache, name, sealing.number, &at, &records[3],
                             &unit_error));
  CHECK(ftruncate(fd, (off_t)(at - (at - whole) / 2)) == 0);
  close(fd);
}

static void write_all(const char *path) {
  static char record[300000];
  bool merged;
  CHECK_OK(cache_open(&unit_env, path, true, &cache, &unit_error));
  cache_set_segment_size(cache, 1 << 20);
  CHECK_OK(cache_use_application(cache, name, &unit_error));
  struct cache_writer *writer = begin(true, 1); /* two segments */
  put(writer, 0, 700, 1);
  CHECK_OK(cache_put_record(writer, 1, "one", 3, &unit_error));
  commit(writer);
  writer = begin(false, 0); /* its own file; holes, pages that are zero */
  put(writer, 700, 10, 2);
  CHECK_OK(unit_put_hole(writer, &model, 100, 50, &unit_error));
  put(writer, 120, 3, 2);
  put(writer, 200, 7, UNIT_ZERO);
  put(writer, 701, 1, 3); /* put twice */
  for (size_t i = 0; i < sizeof(record); i++)
    record[i] = (char)(i * i >> 8);
  CHECK_OK(cache_put_record(writer, 7, record, sizeof(record), &unit_error));
  CHECK_OK(cache_put_record(writer, 8, "", 0, &unit_error));
  commit(writer);
  writer = begin(false, 3); /* content that is there already, elsewhere too */
  put(writer, 300, 90, 1);
  put(writer, 500, 130, 4);
  char page[CACHE_PAGE_SIZE];
  for (unsigned i = 0; i < 3; i++) {
    unit_fill(page, UNIT_BASE + 300 * CACHE_PAGE_SIZE, 1);
    CHECK_OK(cache_put_pages(writer,
                             UNIT_BASE + (2000 + 2 * i) * CACHE_PAGE_SIZE, page,
                             1, &unit_error));
  }
  commit(writer);
  commit(begin(false, 1)); /* nothing */
  CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
  CHECK(merged);
  writer = begin(false, 1); /* on what was merged */
  put(writer, 10, 1, 5);
  commit(writer);
  commit(begin(true, 1)); /* a base without pages */
  write_undo_log();
  cache_close(cache);
}

/* ---- what ours reads, in the order of addresses ---- */

struct held {
  uint64_t address;
  unsigned char bytes[CACHE_PAGE_SIZE];
};
static struct held *pages;
static size_t count;

static int take(uint64_t address, const void *data, size_t taken,
                void *context) {
  (void)context;
  for (size_t i = 0; i < taken; i++) {
    pages = realloc(pages, (count + 1) * sizeof(*pages));
    CHECK(pages);
    pages[count].address = address + i * CACHE_PAGE_SIZE;
    memcpy(pages[count++].bytes, (const char *)data + i * CACHE_PAGE_SIZE,
           CACHE_PAGE_SIZE);
  }
  return 0;
}

static int by_address(const void *a, const void *b) {
  const struct held *one = a, *other = b;
  return one->address < other->address ? -1 : one->address > other->address;
}

static void dump(const char *path, const char *application, uint64_t number) {
  struct cache_range all = {0, UINT64_MAX & ~UINT64_C(4095)};
  struct cache_reader *reader;
  uint32_t head[2];
  const void *data;
  size_t length;
  CHECK_OK(cache_open(&cache_env_kernel, path, false, &cache, &unit_error));
  CHECK_OK(cache_reader_open(cache, application, number, &reader, &unit_error));
  for (size_t i = 0; cache_reader_record(reader, i, head, &data, &length);
       i++) {
    head[1] = (uint32_t)length;
    fwrite(head, 1, sizeof(head), stdout);
    fwrite(data, 1, length, stdout);
  }
  CHECK_OK(cache_replay(reader, &all, 1, take, NULL, &unit_error));
  if (count)
    qsort(pages, count, sizeof(*pages), by_address);
  for (size_t i = 0; i < count; i++)
    fwrite(&pages[i], 1, sizeof(pages[i]), stdout);
  free(pages);
  cache_reader_close(reader);
  cache_close(cache);
}

/* ---- an undo log ---- */

static int dump_log(uint64_t number, const void *log, size_t length,
                    void *context) {
  struct undo_record record;
  size_t at = 0;
  if (number != *(const uint64_t *)context)
    return 0;
  while (undo_decode(log, length, &at, &record) == 1) {
    const uint32_t kind = record.kind, path = (uint32_t)strlen(record.path) + 1;
    const uint32_t words[] = {record.mode, record.user, record.group,
                              (uint32_t)record.length};
    const uint64_t numbers[] = {record.device, record.inode, record.birth_ns,
                                record.offset, record.size,  record.mtime_ns};
    fwrite(&kind, 1, sizeof(kind), stdout);
    fwrite(numbers, 1, sizeof(numbers), stdout);
    fwrite(words, 1, sizeof(words), stdout);
    fwrite(record.path, 1, path, stdout);
    fwrite(record.data, 1, record.length, stdout);
  }
  return 1;
}

static void dump_undo(const char *path, const char *application,
                      uint64_t number) {
  CHECK_OK(cache_open(&cache_env_kernel, path, false, &cache, &unit_error));
  CHECK(cache_undo_each(cache, application, dump_log, &number, &unit_error) ==
        1);
  cache_close(cache);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "write") == 0)
    write_all(argv[2]);
  else if (argc == 5 && strcmp(argv[1], "dump") == 0)
    dump(argv[2], argv[3], strtoul(argv[4], NULL, 10));
  else if (argc == 5 && strcmp(argv[1], "undo") == 0)
    dump_undo(argv[2], argv[3], strtoul(argv[4], NULL, 10));
  else
    return 1;
  return 0;
}
