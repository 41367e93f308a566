/* Undo logs and loss of power. Nothing of them is made durable, and what the
 * program wrote to its files may be on disk or not: a run of two intervals
 * between generations, with logs, and of taking both back goes to the disk of
 * Inputs/crash_disk.h, and for whatever that leaves of the logs, and for
 * different parts of what was done to real files, a restore
 *
 * - puts back each file whose records are whole, exactly, and again the same
 *   when it is called again, as after a kill in the middle;
 * - leaves every other byte as it is: old or new, nothing else, and a file that
 *   no log speaks of as it was;
 * - does nothing by a log that is damaged, and says so;
 * - reads no record that was not written;
 * - says that it cannot know, where the machine was started again since.
 *
 * HWCKPT_STRESS=1: of what is pending every part, as in cache_crash.c. */
// RUN: %unit/undo_crash
// RUN: env UNIT_KEY=1 %unit/undo_crash
// RUN: %unit/sanitized/undo_crash
#include "Inputs/crash_disk.h"

#include "runtime/cache/undo_back.h"
#include "runtime/cache/undo_entries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096, STEP = 1000, INTERVALS = 2 };

/* ---- real files ---- */

/* What the program did, in its order; each of it is on disk or is not. */
enum change {
  OVER_FIRST,   /* interval 1: block 0 of "over" */
  GROWN_FIRST,  /* "grown", which had STEP bytes, has 2 * STEP */
  MADE,         /* "made", which was not there */
  OVER_SECOND,  /* interval 2: block 1 of "over" */
  GROWN_SECOND, /* "grown" has 3 * STEP */
  GONE,         /* "gone" is removed */
  CHANGES
};
static char folder[512];
static const char *file_path(const char *name) {
  static char paths[4][600];
  static unsigned turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
  return path;
}

/* The byte at a place of "over" or "grown", before or after its change. */
static unsigned char byte_of(char file, size_t at, bool changed) {
  return (unsigned char)(file + at * 7 + (changed ? 101 : 0));
}

static void write_block(const char *name, size_t from, size_t to, bool changed,
                        size_t length) {
  unsigned char bytes[3 * BLOCK];
  int fd = open(file_path(name), O_RDWR | O_CREAT, 0600);
  CHECK(fd >= 0 && to - from <= sizeof(bytes));
  for (size_t at = from; at < to; at++)
    bytes[at - from] = byte_of(*name, at, changed);
  CHECK(pwrite(fd, bytes, to - from, (off_t)from) == (ssize_t)(to - from));
  CHECK(ftruncate(fd, (off_t)length) == 0);
  close(fd);
}

/* As the disk has them with these changes. "gone" keeps its inode: `kept` is
 * another name of it. */
static void set_files(unsigned changes) {
  size_t size = changes & 1u << GROWN_SECOND  ? 3 * STEP
                : changes & 1u << GROWN_FIRST ? 2 * STEP
                                              : STEP;
  write_block("over", 0, BLOCK, changes >> OVER_FIRST & 1, 2 * BLOCK);
  write_block("over", BLOCK, 2 * BLOCK, changes >> OVER_SECOND & 1, 2 * BLOCK);
  write_block("grown", 0, size, false, size);
  write_block("bystander", 0, 10, false, 10);
  unlink(file_path("made"));
  unlink(file_path("gone"));
  if (changes & 1u << MADE)
    write_block("made", 0, 10, false, 10);
  if (!(changes & 1u << GONE))
    CHECK(link(file_path("kept"), file_path("gone")) == 0);
}

static bool holds(const char *name, size_t from, size_t to, bool changed,
                  size_t length) {
  unsigned char *bytes;
  if (access(file_path(name), F_OK) != 0)
    return false;
  bool same = unit_read_file(file_path(name), &bytes) == length;
  for (size_t at = from; same && at < to; at++)
    same = bytes[at] == byte_of(*name, at, changed);
  free(bytes);
  return same;
}

static size_t size_of(const char *name) {
  struct stat status;
  CHECK(stat(file_path(name), &status) == 0);
  return (size_t)status.st_size;
}

/* ---- the program, and what is kept for it ---- */

struct kept {
  unsigned interval; /* 1 or 2 */
  struct undo_record record;
};
static struct kept kept[32];
static size_t kept_count;
static char application[CACHE_NAME_MAX];
static size_t committed_at[INTERVALS + 1];
static unsigned char content[2 * BLOCK];
static size_t taken_back_from;

static void describe(struct undo_record *record, const char *name) {
  struct identity identity;
  static char paths[16][600];
  static unsigned turn;
  snprintf(paths[turn % 16], sizeof(paths[0]), "%s", file_path(name));
  if (record->kind == UNDO_NAME || record->kind == UNDO_FILE)
    record->path = paths[turn++ % 16];
  if (!identify(AT_FDCWD, file_path(name), &identity))
    return;
  record->device = identity.device;
  record->inode = identity.inode;
  record->birth_ns = identity.birth_ns;
  record->mode = identity.mode;
  record->mtime_ns = 1000000000;
  record->user = getuid();
  record->group = getgid();
}

/* As the keeper puts a record: in one write. */
static void keep(int log, const struct undo_sealing *sealing, size_t *at,
                 unsigned interval, struct undo_record record) {
  static char bytes[UNDO_ROOM];
  size_t length;
  if (sealing->key) {
    length = undo_seal(crash_env.io, sealing, *at, &record, bytes);
  } else {
    length = undo_encode(&record, bytes);
    size_t path = length - UNDO_HEAD - record.length;
    memcpy(bytes + UNDO_HEAD, record.path ? record.path : "", path);
    if (record.length)
      memcpy(bytes + UNDO_HEAD + path, record.data, record.length);
  }
  CHECK(length);
  CHECK(crash_env.io->pwrite(log, bytes, length, *at) == (long)length);
  *at += length;
  kept[kept_count++] = (struct kept){interval, record};
}

static void keep_file(int log, const struct undo_sealing *sealing, size_t *at,
                      unsigned interval, const char *name, size_t size) {
  struct undo_record record = {.kind = UNDO_FILE, .size = size};
  describe(&record, name);
  keep(log, sealing, at, interval, record);
}

static void keep_data(int log, const struct undo_sealing *sealing, size_t *at,
                      unsigned interval, const char *name, size_t from,
                      size_t length) {
  struct undo_record record = {.kind = UNDO_DATA,
                               .offset = from,
                               .data = content + from,
                               .length = length};
  for (size_t i = 0; i < length; i++)
    content[from + i] = byte_of(*name, from + i, false);
  describe(&record, name);
  record.mode = 0;
  keep(log, sealing, at, interval, record);
}

static int begin_log(struct cache *cache, struct undo_sealing *sealing,
                     size_t *at, unsigned interval) {
  *sealing = (struct undo_sealing){0};
  *at = 0;
  int log = cache_undo_create(cache, application, sealing, &unit_error);
  CHECK(log >= 0);
  keep(log, sealing, at, interval,
       (struct undo_record){.kind = UNDO_BEGIN, .offset = interval});
  return log;
}

static void first_interval(struct cache *cache) {
  struct undo_sealing sealing;
  struct undo_record made = {.kind = UNDO_NAME};
  size_t at;
  int log = begin_log(cache, &sealing, &at, 1);
  keep_file(log, &sealing, &at, 1, "over", 2 * (size_t)BLOCK);
  keep_data(log, &sealing, &at, 1, "over", 0, BLOCK);
  keep_file(log, &sealing, &at, 1, "grown", STEP);
  unlink(file_path("made"));
  describe(&made, "made");
  keep(log, &sealing, &at, 1, made);
  crash_env.io->close(log);
}

static void second_interval(struct cache *cache) {
  static const char gone[] = "what gone held";
  struct undo_sealing sealing;
  struct undo_record name = {.kind = UNDO_NAME};
  struct undo_record data = {
      .kind = UNDO_DATA, .data = gone, .length = sizeof(gone)};
  struct undo_record whole = {.kind = UNDO_WHOLE};
  size_t at;
  int log = begin_log(cache, &sealing, &at, 2);
  keep_file(log, &sealing, &at, 2, "over", 2 * (size_t)BLOCK);
  keep_data(log, &sealing, &at, 2, "over", BLOCK, BLOCK);
  keep_file(log, &sealing, &at, 2, "grown", 2 * (size_t)STEP);
  /* Content first: the name is what has it made again. */
  keep_file(log, &sealing, &at, 2, "gone", sizeof(gone));
  describe(&data, "gone");
  data.mode = 0;
  keep(log, &sealing, &at, 2, data);
  describe(&whole, "gone");
  whole.mode = 0;
  keep(log, &sealing, &at, 2, whole);
  describe(&name, "gone");
  keep(log, &sealing, &at, 2, name);
  crash_env.io->close(log);
}

static struct cache *open_cache(void) {
  struct cache *cache;
  CHECK_OK(cache_open(&crash_env, "cache", true, &cache, &unit_error));
  return cache;
}

static void commit(struct cache *cache, uint64_t number) {
  const struct cache_write_options options = {number - 1, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, application, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == number);
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  committed_at[number] = crash_recorded;
}

static unsigned warnings, uncertain;

static void warn(const struct hwckpt_error *warning) {
  if (warning->code == HWCKPT_E_FILES_UNCERTAIN)
    uncertain++;
  else
    warnings++;
}

static void take_back(struct cache *cache, uint64_t generation,
                      bool restarted) {
  const struct undo_target target = {cache,     application, generation,
                                     restarted, NULL,        warn};
  warnings = uncertain = 0;
  CHECK_OK(undo_files(&target, false, &unit_error));
}

static void set_up(void) {
  static const char gone[] = "what gone held";
  snprintf(folder, sizeof(folder), "%s", unit_path("files"));
  CHECK(mkdir(folder, 0700) == 0);
  unit_write_file(file_path("kept"), gone, sizeof(gone));
  set_files(0);
}

static void run(void) {
  struct cache *cache = open_cache();
  CHECK_OK(cache_new_application(cache, "undo", application, &unit_error));
  commit(cache, 1);
  crash_begin();
  first_interval(cache);
  commit(cache, 2);
  second_interval(cache);
  taken_back_from = crash_recorded;
  set_files((1u << CHANGES) - 1);
  take_back(cache, 1, false);
  CHECK(warnings == 0 && uncertain == 0);
  crash_end();
  cache_close(cache);
}

/* ---- after the loss ---- */

/* Of each log its records that are whole, from the first on. */
static struct left {
  bool there, damaged;
  unsigned kinds[UNDO_LEFT + 1]; /* records of each kind */
  unsigned count;
} left[INTERVALS + 1];

static bool is_record(const struct undo_record *a,
                      const struct undo_record *b) {
  return a->kind == b->kind && a->inode == b->inode && a->device == b->device &&
         a->offset == b->offset && a->size == b->size &&
         a->length == b->length &&
         strcmp(a->path ? a->path : "", b->path ? b->path : "") == 0 &&
         (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static int look(uint64_t number, const void *log, size_t length,
                void *context) {
  struct undo_record record;
  size_t at = 0, next = 0;
  struct left *of = &left[number];
  (void)context;
  CHECK(number >= 1 && number <= INTERVALS);
  of->there = true;
  int decoded;
  while ((decoded = undo_decode(log, length, &at, &record)) == 1) {
    of->kinds[record.kind]++;
    of->count++;
    if (record.kind == UNDO_INSTEAD)
      continue;
    while (next < kept_count && kept[next].interval != number)
      next++;
    CHECK(next < kept_count && is_record(&kept[next].record, &record));
    next++;
  }
  of->damaged = decoded < 0;
  return 0;
}

static bool is_used(uint64_t generation, unsigned interval) {
  return interval >= generation && left[interval].there &&
         left[interval].count > 0;
}

/* Whether the n-th record of a kind, of that interval, is there. */
static bool has(uint64_t generation, unsigned interval, enum undo_kind kind,
                unsigned nth) {
  return is_used(generation, interval) && left[interval].kinds[kind] >= nth;
}

/* What must be back is; all else is old or new. */
static void verify(uint64_t generation, unsigned changes) {
  size_t size = size_of("grown");
  bool first = has(generation, 1, UNDO_DATA, 1);
  bool second = has(generation, 2, UNDO_DATA, 1);
  bool was_first = changes >> OVER_FIRST & 1;
  bool was_second = changes >> OVER_SECOND & 1;
  CHECK(holds("over", 0, BLOCK, first ? false : was_first, 2 * (size_t)BLOCK));
  CHECK(holds("over", BLOCK, 2 * (size_t)BLOCK, second ? false : was_second,
              2 * (size_t)BLOCK));
  CHECK(size % STEP == 0 && holds("grown", 0, size, false, size));
  if (has(generation, 1, UNDO_FILE, 2))
    CHECK(size == STEP);
  else if (has(generation, 2, UNDO_FILE, 2))
    CHECK(size <= 2 * (size_t)STEP);
  bool made = access(file_path("made"), F_OK) == 0;
  CHECK(made == (changes >> MADE & 1 && !has(generation, 1, UNDO_NAME, 1)));
  bool gone = access(file_path("gone"), F_OK) != 0;
  CHECK(gone == (changes >> GONE & 1 && !has(generation, 2, UNDO_NAME, 1)));
  if (!gone)
    CHECK(size_of("gone") == size_of("kept"));
  CHECK(holds("bystander", 0, 10, false, 10));
  CHECK(access(file_path(".hwckpt-undo"), F_OK) != 0);
}

static unsigned long restores, back, broken;

/* Taking it back from files with those changes. */
static void restore(struct cache *cache, uint64_t generation,
                    unsigned changes) {
  bool damaged = false;
  memset(left, 0, sizeof(left));
  CHECK(cache_undo_each(cache, application, look, NULL, NULL) >= 0 ||
        getenv("UNIT_KEY"));
  /* One that does not say when it began may be of what is to be taken back. */
  for (unsigned i = 1; i <= INTERVALS; i++)
    damaged |=
        left[i].damaged && (i >= generation || !left[i].kinds[UNDO_BEGIN]);
  set_files(changes);
  take_back(cache, generation, true);
  CHECK(uncertain == 1);
  broken += damaged;
  if (damaged) {
    CHECK(warnings > 0);
    memset(left, 0, sizeof(left));
  }
  verify(generation, changes);
}

static void check(size_t end) {
  uint64_t generation = committed_at[2] <= end ? 2 : 1;
  struct cache *cache = open_cache();
  restores++;
  restore(cache, generation, unit_random(1u << CHANGES));
  bool all = true;
  for (unsigned i = (unsigned)generation; i <= INTERVALS; i++)
    all &= left[i].count > 0;
  back += all;
  /* Nothing is left that a second call could do. */
  set_files(0);
  take_back(cache, generation, false);
  CHECK(warnings == 0 && uncertain == 0);
  cache_close(cache);
  CHECK(crash_mapped == 0);
}

int main(void) {
  set_up();
  run();
  /* A disk takes little time here: more of them than usual. */
  static const struct crash_effort usual = {7, 60, 16, 2};
  const char *stress = getenv("HWCKPT_STRESS");
  struct crash_counts counts =
      crash_each(stress && *stress == '1' ? crash_effort() : &usual, check);
  printf("%zu operations, %lu states, %lu of them torn; %lu of %lu windows "
         "whole, most %u; %lu with all logs, %lu damaged\n",
         crash_recorded, counts.states, counts.torn, counts.whole,
         counts.windows, counts.most, back, broken);
  CHECK(crash_recorded > 20 && counts.states > 100);
  CHECK(back > 10 && back < restores && broken > 10);
  return 0;
}
