/* cache.c - what the checkpoint cache does by itself, beside what the device of
 * its folder can: the program of `bench/run cache`. Prints JSON.
 *
 *   cache bandwidth FOLDER MIB ROUNDS    noise, written and read; the device
 *                                        likewise, in turn with it
 *   cache memory FOLDER CACHE APPLICATION GENERATION ROUNDS
 *                                        the pages of a generation of another
 *                                        cache, written at several levels
 *   cache chain FOLDER MIB DELTAS ROUNDS EXTRA
 *                                        a generation, and as many upon it,
 * each of a hundredth of its pages, merged to so many extra_reads (0: as
 * usual); then how long reading the newest takes
 *
 * Invariant: before anything is read, its files are taken out of the page
 * cache; memory is touched before anything is measured. */
#include "runtime/cache/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BASE UINT64_C(0x100000000)
enum { BLOCK = 1 << 20, BLOCK_PAGES = BLOCK / CACHE_PAGE_SIZE };
enum {
  PUT = 64,
  UNIT_FRAMES = 4,
  READERS_PER_PROCESSOR = 4, /* as in tools/restorer/fill.c */
  READERS_MAX = 32           /* there too */
};

static struct hwckpt_error error;

static void fail(const char *what) {
  fprintf(stderr, "cache: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void ok(int result) {
  char text[2048];
  if (result >= 0)
    return;
  hwckpt_error_text(&error, "cache", text, sizeof text);
  fputs(text, stderr);
  exit(1);
}

static double seconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
static double now(void) { return seconds_of(CLOCK_MONOTONIC); }
static double processor(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

static unsigned char *map(size_t size) {
  unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    fail("memory");
  memset(memory, 1, size);
  return memory;
}

static uint64_t random_state = 1;
static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

/* A page as no other is. */
static void make_noise(unsigned char *page) {
  for (size_t i = 0; i < CACHE_PAGE_SIZE / 8; i++)
    ((uint64_t *)page)[i] = next_random();
}

/* ---- the device ---- */

/* As many writes under way as there are places in the kernel's queue. */
static double device_write(const char *path, const unsigned char *memory,
                           size_t size) {
  const struct cache_io *io = &cache_io_kernel;
  int file =
      open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
  if (file < 0 || posix_fallocate(file, 0, (off_t)size))
    fail(path);
  void *queue = map(CACHE_QUEUE_BYTES);
  memset(queue, 0, CACHE_QUEUE_BYTES);
  bool has_queue = io->queue_open(queue) == 0;
  unsigned under_way = 0, tag;
  double begin = now();
  for (size_t at = 0; at < size || under_way;) {
    long result;
    if (has_queue && at < size && under_way < CACHE_QUEUE_DEPTH &&
        io->queue_write(queue, file, memory + at, BLOCK, at,
                        (unsigned)(at / BLOCK)) == 0) {
      under_way++;
      at += BLOCK;
    } else if (under_way) {
      if (io->queue_wait(queue, &tag, &result) < 0)
        fail("queue");
      under_way--;
      size_t of = (size_t)tag * BLOCK;
      if (result != BLOCK &&
          pwrite(file, memory + of, BLOCK, (off_t)of) != BLOCK)
        fail(path);
    } else {
      if (pwrite(file, memory + at, BLOCK, (off_t)at) != BLOCK)
        fail(path);
      at += BLOCK;
    }
  }
  if (fdatasync(file))
    fail(path);
  double took = now() - begin;
  if (has_queue)
    io->queue_close(queue);
  munmap(queue, CACHE_QUEUE_BYTES);
  close(file);
  return took;
}

static unsigned readers(void) {
  long count = sysconf(_SC_NPROCESSORS_ONLN) * READERS_PER_PROCESSOR;
  return count < READERS_MAX ? (unsigned)count : READERS_MAX;
}

static struct {
  int file;
  unsigned char *memory;
  size_t size;
  atomic_size_t next;
} reading;

static void *read_blocks(void *unused) {
  (void)unused;
  for (size_t at; (at = atomic_fetch_add(&reading.next, BLOCK)) < reading.size;)
    if (pread(reading.file, reading.memory + at, BLOCK, (off_t)at) != BLOCK)
      fail("read");
  return NULL;
}

static double in_threads(void *(*work)(void *)) {
  pthread_t threads[READERS_MAX];
  unsigned count = readers();
  double begin = now();
  for (unsigned i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, work, NULL))
      fail("thread");
  for (unsigned i = 0; i < count; i++)
    pthread_join(threads[i], NULL);
  return now() - begin;
}

static double device_read(const char *path, unsigned char *memory,
                          size_t size) {
  reading.file = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (reading.file < 0)
    fail(path);
  reading.memory = memory;
  reading.size = size;
  reading.next = 0;
  double took = in_threads(read_blocks);
  close(reading.file);
  return took;
}

/* ---- the cache ---- */

/* Reads of the cache are counted. */
static atomic_uint_fast64_t bytes_read;

static long read_counted(int file, void *to, size_t length, uint64_t offset) {
  long got = cache_io_kernel.pread(file, to, length, offset);
  if (got > 0)
    bytes_read += (uint64_t)got;
  return got;
}

static const struct cache_env *counting(void) {
  static struct cache_io io;
  static struct cache_env env;
  io = cache_io_kernel;
  io.pread = read_counted;
  env = cache_env_kernel;
  env.io = &io;
  return &env;
}

static struct cache *cache;
static char application[CACHE_NAME_MAX];

static void open_with(const char *folder, const struct cache_key *key) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/cache", folder);
  ok(cache_open(counting(), path, true, &cache, &error));
  if (key)
    cache_set_key(cache, key, true);
  ok(cache_new_application(cache, "bench", application, &error));
}

static void open_cache(const char *folder) { open_with(folder, NULL); }

/* What was written, and what it took. */
struct written {
  struct cache_generation generation;
  double seconds, processor;
};

static struct written write_pages(const unsigned char *memory, size_t pages,
                                  int level) {
  struct written written;
  struct cache_write_options options = {0, level};
  struct cache_writer *writer;
  double cpu = processor(), begin = now();
  ok(cache_begin(cache, application, &options, &writer, &error));
  for (size_t i = 0, count; i < pages; i += count) {
    count = pages - i < PUT ? pages - i : PUT;
    ok(cache_put_pages(writer, BASE + i * CACHE_PAGE_SIZE,
                       memory + i * CACHE_PAGE_SIZE, count, &error));
  }
  ok(cache_commit(writer, &written.generation, &error));
  written.seconds = now() - begin;
  written.processor = processor() - cpu;
  return written;
}

static void drop(const char *folder) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/cache/%s", folder, application);
  DIR *directory = opendir(path);
  struct dirent *entry;
  if (!directory)
    fail(path);
  while ((entry = readdir(directory))) {
    int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
      posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
      close(fd);
    }
  }
  closedir(directory);
}

static void remove_files(const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  if (!directory)
    fail(path);
  while ((entry = readdir(directory)))
    unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
  rmdir(path);
}

static struct {
  struct cache_plan *plan;
  unsigned char *memory;
  atomic_size_t next;
} restoring;

static int put_page(uint64_t address, const void *data, size_t count,
                    void *unused) {
  (void)unused;
  memcpy(restoring.memory + (address - BASE), data, count * CACHE_PAGE_SIZE);
  return 0;
}

static void *target(uint64_t address, size_t count, void *unused) {
  (void)count;
  (void)unused;
  return restoring.memory + (address - BASE);
}

static void *read_units(void *unused) {
  const struct cache_sink sink = {
      .page = put_page, .target = target, .once = true};
  struct hwckpt_error own;
  struct cache_worker *worker;
  (void)unused;
  size_t units = cache_plan_units(restoring.plan);
  if (cache_worker_open(restoring.plan, &worker, &own) < 0)
    fail("worker");
  for (size_t unit; (unit = atomic_fetch_add(&restoring.next, 1)) < units;)
    if (cache_plan_read(worker, unit, &sink, &own) < 0)
      fail("unit");
  cache_worker_close(worker);
  return NULL;
}

static double read_processor; /* time of the last reading */

/* Reads a generation as a restore does: a plan, read by several threads. */
static double read_generation(const char *folder, uint64_t number,
                              unsigned char *memory, size_t pages) {
  const struct cache_range all = {BASE, BASE + pages * CACHE_PAGE_SIZE};
  struct cache_reader *reader;
  drop(folder);
  double begin = now(), cpu = processor();
  ok(cache_reader_open(cache, application, number, &reader, &error));
  ok(cache_plan_make(reader, &all, 1, UNIT_FRAMES, &restoring.plan, &error));
  restoring.memory = memory;
  restoring.next = 0;
  in_threads(read_units);
  double took = now() - begin;
  read_processor = processor() - cpu;
  cache_plan_close(restoring.plan);
  cache_reader_close(reader);
  return took;
}

static void forget_generations(void) {
  static const struct cache_retention retention = {.keep = 1};
  ok(cache_retain(cache, application, &retention, &error));
}

/* What a program does between two checkpoints. */
static void after_commit(unsigned extra_reads) {
  const struct cache_merge_options options = {.level = 0,
                                              .extra_reads = extra_reads};
  struct cache_merge_result merged;
  ok(cache_merge(cache, application, &options, &merged, &error));
  forget_generations();
}

/* ---- what is measured ---- */

/* The same pages, encrypted, in an application of its own. */
static void bandwidth_encrypted(const char *folder, const unsigned char *memory,
                                unsigned char *back, size_t pages) {
  static const struct cache_key key = {"for a benchmark"};
  struct cache *plain = cache;
  char plain_application[CACHE_NAME_MAX], path[PATH_MAX];
  memcpy(plain_application, application, sizeof application);
  open_with(folder, &key);
  struct written written = write_pages(memory, pages, CACHE_LEVEL_AUTO);
  memset(back, 0, pages * CACHE_PAGE_SIZE);
  double read = read_generation(folder, written.generation.number, back, pages);
  if (memcmp(memory, back, pages * CACHE_PAGE_SIZE) != 0)
    fail("what was read is not what was encrypted");
  printf(", \"encrypted_write_s\": %.6f, \"encrypted_write_cpu_s\": %.6f, "
         "\"encrypted_read_s\": %.6f, \"encrypted_read_cpu_s\": %.6f}",
         written.seconds, written.processor, read, read_processor);
  snprintf(path, sizeof path, "%s/cache/%s", folder, application);
  cache_close(cache);
  remove_files(path);
  cache = plain;
  memcpy(application, plain_application, sizeof application);
}

static void bandwidth(const char *folder, size_t mib, unsigned rounds) {
  size_t size = mib << 20, pages = size / CACHE_PAGE_SIZE;
  unsigned char *memory = map(size), *back = map(size);
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/raw", folder);
  open_cache(folder);
  puts("[");
  for (unsigned round = 0; round < rounds; round++) {
    for (size_t i = 0; i < pages; i++) /* else it is in the cache already */
      make_noise(memory + i * CACHE_PAGE_SIZE);
    double raw = device_write(path, memory, size);
    struct written written = write_pages(memory, pages, CACHE_LEVEL_AUTO);
    double raw_read = device_read(path, back, size);
    memset(back, 0, size);
    double read =
        read_generation(folder, written.generation.number, back, pages);
    if (memcmp(memory, back, size) != 0)
      fail("what was read is not what was written");
    printf("%s{\"device_write_s\": %.6f, \"write_s\": %.6f, "
           "\"write_cpu_s\": %.6f, \"device_read_s\": %.6f, \"read_s\": %.6f, "
           "\"read_cpu_s\": %.6f, \"bytes\": %" PRIu64,
           round ? ",\n" : "", raw, written.seconds, written.processor,
           raw_read, read, read_processor, written.generation.bytes);
    forget_generations();
    bandwidth_encrypted(folder, memory, back, pages);
  }
  puts("]");
  unlink(path);
}

static struct {
  unsigned char *memory;
  size_t pages, room;
} image;

static int take_pages(uint64_t address, const void *data, size_t count,
                      void *unused) {
  (void)address;
  (void)unused;
  if (image.pages + count > image.room)
    count = image.room - image.pages;
  memcpy(image.memory + image.pages * CACHE_PAGE_SIZE, data,
         count * CACHE_PAGE_SIZE);
  image.pages += count;
  return 0;
}

static void take_image(const char *path, const char *name, uint64_t number) {
  const struct cache_range all = {0, UINT64_C(1) << 47};
  struct cache *from;
  struct cache_reader *reader;
  ok(cache_open(&cache_env_kernel, path, false, &from, &error));
  ok(cache_reader_open(from, name, number, &reader, &error));
  image.room = 0;
  struct cache_plan *plan;
  ok(cache_plan_make(reader, &all, 1, 1, &plan, &error));
  image.room = cache_plan_pages(plan);
  cache_plan_close(plan);
  image.memory = map((image.room + 1) * CACHE_PAGE_SIZE);
  ok(cache_replay(reader, &all, 1, take_pages, NULL, &error));
  cache_reader_close(reader);
  cache_close(from);
}

static void memory(const char *folder, unsigned rounds) {
  static const struct {
    const char *name;
    int level;
  } levels[] = {{"auto", CACHE_LEVEL_AUTO}, {"0", 0}, {"1", 1}, {"3", 3}};
  size_t size = image.pages * CACHE_PAGE_SIZE;
  unsigned char *back = map(size + 1);
  puts("[");
  for (size_t i = 0; i < sizeof levels / sizeof *levels * rounds; i++) {
    unsigned of = (unsigned)(i % (sizeof levels / sizeof *levels));
    open_cache(folder); /* a new application: nothing is known of its pages */
    struct written written =
        write_pages(image.memory, image.pages, levels[of].level);
    double read =
        read_generation(folder, written.generation.number, back, image.pages);
    printf("%s{\"level\": \"%s\", \"put_bytes\": %zu, \"bytes\": %" PRIu64
           ", \"zero_pages\": %" PRIu64 ", \"same_pages\": %" PRIu64
           ", \"write_s\": %.6f, \"write_cpu_s\": %.6f, \"read_s\": %.6f}",
           i ? ",\n" : "", levels[of].name, size, written.generation.bytes,
           written.generation.zero_pages, written.generation.same_pages,
           written.seconds, written.processor, read);
    cache_close(cache);
  }
  puts("]");
}

static void chain(const char *folder, size_t mib, unsigned deltas,
                  unsigned rounds, unsigned extra_reads) {
  size_t pages = (mib << 20) / CACHE_PAGE_SIZE, changed = pages / 100;
  unsigned char *memory = map(mib << 20), *back = map(mib << 20);
  uint64_t bytes = 0;
  for (size_t i = 0; i < pages; i++)
    make_noise(memory + i * CACHE_PAGE_SIZE);
  open_cache(folder);
  struct cache_generation first = write_pages(memory, pages, 0).generation;
  struct cache_generation last = first;
  uint64_t parent = first.number;
  for (unsigned delta = 0; delta < deltas; delta++) {
    struct cache_write_options options = {parent, 0};
    struct cache_writer *writer;
    ok(cache_begin(cache, application, &options, &writer, &error));
    for (size_t i = 0; i < changed; i++) {
      size_t page = next_random() % pages;
      make_noise(memory + page * CACHE_PAGE_SIZE);
      ok(cache_put_pages(writer, BASE + page * CACHE_PAGE_SIZE,
                         memory + page * CACHE_PAGE_SIZE, 1, &error));
    }
    ok(cache_commit(writer, &last, &error));
    bytes += last.bytes;
    parent = last.number;
    after_commit(extra_reads);
  }
  struct cache_reader *reader;
  ok(cache_reader_open(cache, application, parent, &reader, &error));
  printf("{\"deltas\": %u, \"chain\": %u, \"changed_pages\": %zu, "
         "\"bytes_each\": %.0f, \"written_each\": %.0f, \"read_s\": [",
         deltas, cache_reader_chain(reader), changed, (double)bytes / deltas,
         (double)(last.total_written - first.total_written) / deltas);
  cache_reader_close(reader);
  bytes_read = 0;
  for (unsigned round = 0; round < rounds; round++) {
    memset(back, 0, mib << 20);
    printf("%s%.6f", round ? ", " : "",
           read_generation(folder, parent, back, pages));
    if (memcmp(memory, back, mib << 20) != 0)
      fail("what was read is not what was written");
  }
  printf("], \"bytes_read\": %.0f}\n", (double)bytes_read / rounds);
}

int main(int count, char **arguments) {
  const char *mode = count > 2 ? arguments[1] : "";
  if (count == 5 && !strcmp(mode, "bandwidth")) {
    bandwidth(arguments[2], strtoull(arguments[3], NULL, 10),
              (unsigned)atoi(arguments[4]));
  } else if (count == 7 && !strcmp(mode, "memory")) {
    take_image(arguments[3], arguments[4], strtoull(arguments[5], NULL, 10));
    memory(arguments[2], (unsigned)atoi(arguments[6]));
  } else if (count == 7 && !strcmp(mode, "chain")) {
    chain(arguments[2], strtoull(arguments[3], NULL, 10),
          (unsigned)atoi(arguments[4]), (unsigned)atoi(arguments[5]),
          (unsigned)atoi(arguments[6]));
  } else {
    fputs("usage: cache bandwidth|memory|chain FOLDER ...; see cache.c\n",
          stderr);
    return 2;
  }
  return 0;
}
