/* frames.c - what the machine can do at best to read a generation back: the
 * reference beside which a restore stands.
 *
 *   frames CACHE APPLICATION GENERATION
 *
 * reads all frames that make up the generation, past the page cache, checks and
 * decodes them, with four threads a processor as a restore, and keeps nothing.
 * Prints JSON: the milliseconds that took, and how many pages it were. No
 * memory of a program is touched, no process made: a restore has that to do
 * besides.
 *
 * Invariant: the frames are those that a restore reads, in the same units. */
#include "runtime/cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define UNIT_FRAMES 8 /* as in tools/restorer/fill.c */
enum {
  BLOCK = 4096,
  BOUNCE = 4 << 20,
  READERS_PER_PROCESSOR = 4, /* there too */
  MAX_READERS = 32
};

static _Noreturn void fail(const struct hwckpt_error *error) {
  char text[1400];
  hwckpt_error_text(error, "frames", text, sizeof text);
  fputs(text, stderr);
  exit(1);
}

static double milliseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* ---- past the page cache ---- */

static int open_directly(int directory, const char *path, int flags,
                         unsigned mode) {
  int file = -EINVAL;
  if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_DIRECTORY))
    file = cache_io_kernel.openat(directory, path, flags | O_DIRECT, mode);
  return file == -EINVAL ? cache_io_kernel.openat(directory, path, flags, mode)
                         : file;
}

/* What is not of whole blocks goes through memory that is. */
static long read_directly(int file, void *to, size_t length, uint64_t offset) {
  static _Thread_local char *bounce;
  if (((uintptr_t)to | length | offset) % BLOCK == 0)
    return cache_io_kernel.pread(file, to, length, offset);
  if (!bounce && !(bounce = aligned_alloc(BLOCK, BOUNCE)))
    return -ENOMEM;
  uint64_t skip = offset % BLOCK;
  size_t wanted = (length + skip + BLOCK - 1) / BLOCK * BLOCK;
  long got = cache_io_kernel.pread(
      file, bounce, wanted < BOUNCE ? wanted : BOUNCE, offset - skip);
  if (got <= (long)skip)
    return got < 0 ? got : 0;
  size_t there = (size_t)got - skip;
  there = there < length ? there : length;
  memcpy(to, bounce + skip, there);
  return (long)there;
}

/* ---- reading ---- */

static struct cache_plan *plan;
static atomic_size_t next;

static int keep_nothing(uint64_t address, const void *data, size_t count,
                        void *context) {
  (void)address, (void)data, (void)count, (void)context;
  return 0;
}

static void *read_units(void *worker) {
  static const struct cache_sink sink = {.page = keep_nothing};
  struct hwckpt_error error;
  for (size_t unit;
       (unit = atomic_fetch_add(&next, 1)) < cache_plan_units(plan);)
    if (cache_plan_read(worker, unit, &sink, &error) < 0)
      fail(&error);
  return NULL;
}

static double read_all(void) {
  struct cache_worker *workers[MAX_READERS];
  pthread_t threads[MAX_READERS];
  struct hwckpt_error error;
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  count *= READERS_PER_PROCESSOR;
  count = count < MAX_READERS ? count : MAX_READERS;
  for (long i = 0; i < count; i++)
    if (cache_worker_open(plan, &workers[i], &error) < 0)
      fail(&error);
  double begin = milliseconds();
  for (long i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, read_units, workers[i]))
      abort();
  for (long i = 0; i < count; i++)
    pthread_join(threads[i], NULL);
  double took = milliseconds() - begin;
  for (long i = 0; i < count; i++)
    cache_worker_close(workers[i]);
  return took;
}

int main(int count, char **arguments) {
  struct cache_io direct = cache_io_kernel;
  struct cache_env env = cache_env_kernel;
  const struct cache_range all = {BLOCK, UINT64_MAX - BLOCK + 1};
  struct hwckpt_error error;
  struct cache *cache;
  struct cache_reader *reader;
  if (count != 4) {
    fputs("usage: frames CACHE APPLICATION GENERATION\n", stderr);
    return 2;
  }
  direct.openat = open_directly;
  direct.pread = read_directly;
  env.io = &direct;
  if (cache_open(&env, arguments[1], false, &cache, &error) < 0 ||
      cache_reader_open(cache, arguments[2], strtoull(arguments[3], NULL, 10),
                        &reader, &error) < 0 ||
      cache_plan_make(reader, &all, 1, UNIT_FRAMES, &plan, &error) < 0)
    fail(&error);
  double took = read_all();
  printf("{\"read_ms\": %.2f, \"pages\": %llu}\n", took,
         (unsigned long long)cache_plan_pages(plan));
  cache_plan_close(plan);
  cache_reader_close(reader);
  cache_close(cache);
  return 0;
}
