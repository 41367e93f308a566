/* unit.c - what the unit tests share. */
#include "unit.h"

#include <dirent.h>
#include <ftw.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct hwckpt_error unit_error;

void unit_print(const struct hwckpt_error *error) {
  char text[2048];
  hwckpt_error_text(error, "test", text, sizeof(text));
  fputs(text, stderr);
}

void unit_die(const char *file, int line, const char *what) {
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  exit(1);
}

void unit_skip(const char *why) {
  printf("SKIP: %s\n", why);
  exit(77);
}

/* ---- files ---- */

static char folder[512];
static pid_t folder_owner;

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *ftw) {
  (void)status;
  (void)type;
  (void)ftw;
  remove(path);
  return 0;
}

void unit_remove_tree(const char *path) {
  nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_folder(void) {
  if (getpid() == folder_owner)
    unit_remove_tree(folder);
}

const char *unit_folder(void) {
  if (folder[0])
    return folder;
  const char *above = getenv("TMPDIR");
  snprintf(folder, sizeof(folder), "%s/unit-XXXXXX", above ? above : "/tmp");
  if (!mkdtemp(folder)) {
    perror(folder);
    exit(1);
  }
  folder_owner = getpid();
  atexit(remove_folder);
  return folder;
}

const char *unit_path(const char *below) {
  static char paths[4][1024];
  static unsigned turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof(paths[0]), "%s/%s", unit_folder(), below);
  return path;
}

size_t unit_read_file(const char *path, unsigned char **bytes) {
  FILE *file = fopen(path, "rb");
  CHECK(file);
  CHECK(fseek(file, 0, SEEK_END) == 0);
  long end = ftell(file);
  CHECK(end >= 0 && fseek(file, 0, SEEK_SET) == 0);
  size_t length = (size_t)end;
  *bytes = malloc(length + 1);
  CHECK(*bytes && fread(*bytes, 1, length, file) == length);
  fclose(file);
  return length;
}

void unit_write_file(const char *path, const void *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  CHECK(file);
  CHECK(fwrite(bytes, 1, length, file) == length);
  CHECK(fclose(file) == 0);
  CHECK(chmod(path, 0600) == 0);
}

int unit_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  CHECK(directory);
  int count = 0;
  while (readdir(directory))
    count++;
  closedir(directory);
  return count;
}

/* ---- memory ---- */

static atomic_size_t mapped;

/* A sanitizer sees what lies behind memory of malloc()'s, and does not use
 * again for long what was freed; else it is mapped, for the kernel may write to
 * the pages of a queue that is closed already. */
#if __has_feature(address_sanitizer)
#define FROM_MALLOC 1
#else
#define FROM_MALLOC 0
#endif

void *unit_map(size_t length) {
  void *address = NULL;
  if (!FROM_MALLOC)
    address = mmap(NULL, length, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  else if (posix_memalign(&address, CACHE_PAGE_SIZE, length) == 0)
    memset(address, 0, length);
  if (!address || address == MAP_FAILED)
    return NULL;
  mapped += length;
  return address;
}

void unit_unmap(void *address, size_t length) {
  mapped -= length;
  if (FROM_MALLOC)
    free(address);
  else
    munmap(address, length);
}

size_t unit_mapped(void) { return mapped; }

const struct cache_env unit_env = {
    .io = &cache_io_kernel, .map = unit_map, .unmap = unit_unmap};

/* ---- encryption ---- */

const struct cache_key unit_key = {"a key of 32 bytes for the tests"};

#undef cache_open
int unit_open(const struct cache_env *env, const char *path, bool create,
              struct cache **cache, struct hwckpt_error *error) {
  int result = cache_open(env, path, create, cache, error);
  if (result == 0 && getenv("UNIT_KEY"))
    cache_set_key(*cache, &unit_key, true);
  return result;
}

/* ---- a queue of writes ---- */

struct unit_queue {
  unsigned count;
  struct {
    int fd;
    const void *buffer;
    size_t length;
    uint64_t offset;
    unsigned tag;
  } writes[CACHE_QUEUE_DEPTH];
};
_Static_assert(sizeof(struct unit_queue) <= CACHE_QUEUE_BYTES, "its memory");

long (*unit_queue_pwrite)(int fd, const void *buffer, size_t length,
                          uint64_t offset);

int unit_queue_open(void *queue) {
  CHECK(((struct unit_queue *)queue)->count == 0);
  return 0;
}

int unit_queue_write(void *memory, int fd, const void *buffer, size_t length,
                     uint64_t offset, unsigned tag) {
  struct unit_queue *queue = memory;
  unsigned i = queue->count++;
  CHECK(i < CACHE_QUEUE_DEPTH);
  queue->writes[i].fd = fd;
  queue->writes[i].buffer = buffer;
  queue->writes[i].length = length;
  queue->writes[i].offset = offset;
  queue->writes[i].tag = tag;
  return 0;
}

int unit_queue_wait(void *memory, unsigned *tag, long *result) {
  struct unit_queue *queue = memory;
  CHECK(queue->count > 0);
  unsigned i = --queue->count;
  *tag = queue->writes[i].tag;
  *result = unit_queue_pwrite(queue->writes[i].fd, queue->writes[i].buffer,
                              queue->writes[i].length, queue->writes[i].offset);
  return 0;
}

void unit_queue_close(void *queue) {
  CHECK(((struct unit_queue *)queue)->count == 0);
}

void unit_queue_forget(void *queue) { (void)queue; }

void unit_use_queue(struct cache_io *io) {
  unit_queue_pwrite = io->pwrite;
  io->queue_open = unit_queue_open;
  io->queue_write = unit_queue_write;
  io->queue_wait = unit_queue_wait;
  io->queue_close = unit_queue_close;
}

long unit_none_cached(int fd, uint64_t offset, uint64_t length) {
  (void)fd, (void)offset, (void)length;
  return 0;
}

/* ---- the model ---- */

static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

void unit_fill(void *page, uint64_t address, unsigned version) {
  uint64_t words[CACHE_PAGE_SIZE / 8] = {0};
  if (version != UNIT_ZERO) {
    uint64_t seed = mix(address ^ ((uint64_t)version << 52) ^ version);
    /* Pages differ in how well they can be coded, down to one byte. */
    unsigned kind = (unsigned)(seed % 4);
    for (size_t i = 0; i < CACHE_PAGE_SIZE / 8; i++)
      words[i] = kind == 0   ? mix(seed + i)
                 : kind == 1 ? seed + i
                 : kind == 2 ? mix(seed + i / 64)
                             : 0;
    words[0] = address;
    words[CACHE_PAGE_SIZE / 8 - 1] = version;
  }
  memcpy(page, words, CACHE_PAGE_SIZE);
}

int unit_put(struct cache_writer *writer, struct model *model, size_t first,
             size_t count, unsigned version, struct hwckpt_error *error) {
  char *pages = malloc(count * CACHE_PAGE_SIZE);
  CHECK(pages && first + count <= model->pages);
  for (size_t i = 0; i < count; i++) {
    unit_fill(pages + i * CACHE_PAGE_SIZE,
              UNIT_BASE + (first + i) * CACHE_PAGE_SIZE, version);
    model->version[first + i] = version == UNIT_ZERO ? 0 : version;
  }
  int result = cache_put_pages(writer, UNIT_BASE + first * CACHE_PAGE_SIZE,
                               pages, count, error);
  free(pages);
  return result;
}

int unit_put_hole(struct cache_writer *writer, struct model *model,
                  size_t first, size_t count, struct hwckpt_error *error) {
  CHECK(first + count <= model->pages);
  memset(&model->version[first], 0, count * sizeof(model->version[0]));
  return cache_put_hole(writer, UNIT_BASE + first * CACHE_PAGE_SIZE,
                        count * CACHE_PAGE_SIZE, error);
}

struct comparison {
  const struct model *model;
  unsigned char seen[4096];
};

static int compare_pages(uint64_t address, const void *data, size_t count,
                         void *context) {
  struct comparison *comparison = context;
  const struct model *model = comparison->model;
  for (size_t i = 0; i < count; i++) {
    uint64_t at = address + i * CACHE_PAGE_SIZE;
    char expected[CACHE_PAGE_SIZE];
    size_t page = (size_t)((at - UNIT_BASE) / CACHE_PAGE_SIZE);
    CHECK(at >= UNIT_BASE && page < model->pages);
    CHECK(!comparison->seen[page]);
    CHECK(model->version[page] != 0);
    comparison->seen[page] = 1;
    unit_fill(expected, at, model->version[page]);
    CHECK(memcmp(expected, (const char *)data + i * CACHE_PAGE_SIZE,
                 CACHE_PAGE_SIZE) == 0);
  }
  return 0;
}

int unit_compare(struct cache *cache, const char *application, uint64_t number,
                 const struct model *model, struct hwckpt_error *error) {
  struct cache_range all = {UNIT_BASE,
                            UNIT_BASE + model->pages * CACHE_PAGE_SIZE};
  struct comparison comparison = {.model = model};
  struct cache_reader *reader;
  int result = cache_reader_open(cache, application, number, &reader, error);
  if (result < 0)
    return result;
  result = cache_replay(reader, &all, 1, compare_pages, &comparison, error);
  cache_reader_close(reader);
  for (size_t i = 0; i < model->pages && result == 0; i++)
    CHECK(comparison.seen[i] == (model->version[i] != 0));
  return result;
}

int unit_retain(struct cache *cache, const char *application, unsigned keep,
                struct hwckpt_error *error) {
  const struct cache_retention retention = {.keep = keep};
  return cache_retain(cache, application, &retention, error);
}

int unit_merge(struct cache *cache, const char *application, bool *merged,
               struct hwckpt_error *error) {
  const struct cache_merge_options options = {.level = 1, .always = true};
  struct cache_merge_result result;
  int failed = cache_merge(cache, application, &options, &result, error);
  *merged = result.merged;
  return failed;
}

bool unit_same_generation(const struct cache_generation *a,
                          const struct cache_generation *b) {
  return strcmp(a->application, b->application) == 0 &&
         a->number == b->number && a->parent == b->parent &&
         a->commit_ns == b->commit_ns && a->pages == b->pages &&
         a->bytes == b->bytes && a->raw_bytes == b->raw_bytes &&
         a->restores == b->restores;
}

/* ---- random numbers ---- */

static uint64_t state = 1;

void unit_seed(uint64_t seed) { state = seed; }

unsigned unit_random(unsigned limit) {
  state += 0x9e3779b97f4a7c15u;
  return (unsigned)(mix(state) % limit);
}
