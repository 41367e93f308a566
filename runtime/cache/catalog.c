/* catalog.c - listing applications and generations. */
#include "catalog.h"

#include "blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- generations of one application ---- */

static struct catalog_entry *find_entry(const struct buffer *entries,
                                        uint64_t number) {
  struct catalog_entry *at = entries->data;
  size_t low = 0, high = entries->length / sizeof(*at);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (at[middle].number < number)
      low = middle + 1;
    else
      high = middle;
  }
  bool there = low < entries->length / sizeof(*at) && at[low].number == number;
  return there ? &at[low] : NULL;
}

/* Finds the base of a whole image among the entries before it. */
static void place_in_chain(const struct image *image,
                           const struct buffer *entries,
                           struct catalog_entry *entry) {
  if (image->header.parent == 0) {
    entry->base = entry->newest = image->number;
    entry->newest_ns = image->commit.commit_ns;
    return;
  }
  const struct catalog_entry *parent =
      find_entry(entries, image->header.parent);
  if (!parent || parent->base == 0 ||
      parent->identity != image->header.parent_commit) {
    entry->damage = HWCKPT_E_CHAIN_BROKEN;
    return;
  }
  entry->base = parent->base;
  struct catalog_entry *base = find_entry(entries, parent->base);
  base->newest = image->number;
  base->newest_ns = image->commit.commit_ns;
}

/* An application whose generations are read. */
struct reading {
  struct cache *cache;
  const char *application;
  int directory;
  struct buffer *entries;
  struct image_index *index; /* null: headers and commit records alone */
};

static int open_entry(const struct reading *in, uint64_t number,
                      struct image *image, struct hwckpt_error *error) {
  int result = image_open(image, in->cache, in->application, in->directory,
                          number, error);
  if (result == 0 && in->index)
    result = image_load_frames(image, in->index, error);
  if (result < 0)
    image_close(image);
  return result;
}

static int read_entry(const struct reading *in, uint64_t number,
                      struct catalog_entry *entry,
                      struct cache_generation *generation,
                      struct hwckpt_error *error) {
  struct image image;
  int result = open_entry(in, number, &image, error);
  *entry = (struct catalog_entry){.number = number};
  image_describe(&image, generation);
  if (image_is_unreadable(result)) {
    entry->damage = -result;
    return 0;
  }
  if (result < 0)
    return result;
  entry->identity = image.identity;
  place_in_chain(&image, in->entries, entry);
  result = restores_read(&image, in->directory, &generation->restores, error);
  if (image_is_unreadable(result)) {
    if (!entry->damage)
      entry->damage = -result;
    result = 0;
  }
  image_close(&image);
  return result;
}

static int read_all(const struct reading *in,
                    int (*visit)(const struct cache_generation *, int, void *),
                    void *context, struct hwckpt_error *error) {
  const struct cache_env *env = in->cache->env;
  struct place place = {in->cache, in->application, NULL};
  struct buffer numbers = {0};
  int result = directory_numbers(in->cache, in->application, in->directory,
                                 format_parse_generation, &numbers, error);
  const uint64_t *number = numbers.data;
  for (size_t i = 0; i < numbers.length / sizeof(*number) && result == 0; i++) {
    struct catalog_entry entry;
    struct cache_generation generation;
    result = read_entry(in, number[i], &entry, &generation, error);
    if (result == -HWCKPT_E_NO_GENERATION) { /* retention was faster */
      result = 0;
      continue;
    }
    if (result < 0)
      break;
    if (!buffer_append(env, in->entries, &entry, sizeof(entry)))
      result = place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                          "listing generations");
    else if (visit)
      result = visit(&generation, entry.damage, context);
  }
  buffer_free(env, &numbers);
  return result;
}

int catalog_read(struct cache *cache, const char *application, int directory,
                 struct buffer *entries,
                 int (*visit)(const struct cache_generation *, int, void *),
                 void *context, struct hwckpt_error *error) {
  const struct reading in = {cache, application, directory, entries, NULL};
  return read_all(&in, visit, context, error);
}

int catalog_read_indexes(struct cache *cache, const char *application,
                         int directory, struct buffer *entries,
                         struct hwckpt_error *error) {
  struct image_index index = {0};
  const struct reading in = {cache, application, directory, entries, &index};
  int result = read_all(&in, NULL, NULL, error);
  index_free(cache->env, &index);
  return result;
}

int cache_each_generation(struct cache *cache, const char *application,
                          int (*visit)(const struct cache_generation *,
                                       int damage, void *),
                          void *context, struct hwckpt_error *error) {
  int directory;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  struct buffer entries = {0};
  result = catalog_read(cache, application, directory, &entries, visit, context,
                        error);
  buffer_free(cache->env, &entries);
  cache->env->io->close(directory);
  return result;
}

/* ---- applications ---- */

/* When a damaged generation was written, as well as can be known. */
static uint64_t modified_ns(struct cache *cache, int directory,
                            uint64_t number) {
  const struct cache_io *io = cache->env->io;
  char file[FORMAT_FILE_MAX];
  struct stat status;
  format_generation_file(file, number, FORMAT_SUFFIX_GENERATION);
  int fd = io->openat(directory, file,
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
  if (fd < 0)
    return 0;
  int result = io->fstat(fd, &status);
  io->close(fd);
  return result < 0 ? 0
                    : (uint64_t)status.st_mtim.tv_sec * 1000000000u +
                          (uint64_t)status.st_mtim.tv_nsec;
}

/* Others of the cache may be. */
static bool is_of_another_key(int result) {
  return result == -HWCKPT_E_KEY_WRONG || result == -HWCKPT_E_KEY_MISSING ||
         result == -HWCKPT_E_NOT_ENCRYPTED;
}

static int describe_application(struct cache *cache, const char *name,
                                struct cache_application *application,
                                struct hwckpt_error *error) {
  struct buffer numbers = {0};
  int directory;
  memset(application, 0, sizeof(*application));
  hwckpt_format(application->name, sizeof(application->name), "%s", name);
  int result = directory_open(cache, name, &directory, error);
  if (result < 0)
    return result;
  result = directory_numbers(cache, name, directory, format_parse_generation,
                             &numbers, error);
  size_t count = numbers.length / sizeof(uint64_t);
  if (result == 0 && count) {
    struct image image;
    uint64_t newest = ((const uint64_t *)numbers.data)[count - 1];
    application->newest = newest;
    application->count = (unsigned)count;
    result = image_open(&image, cache, name, directory, newest, error);
    if (result == 0) {
      application->newest_ns = image.commit.commit_ns;
      image_close(&image);
    } else if (image_is_unreadable(result) || is_of_another_key(result) ||
               result == -HWCKPT_E_NO_GENERATION) {
      application->newest_ns = modified_ns(cache, directory, newest);
      result = 0;
    }
  }
  buffer_free(cache->env, &numbers);
  cache->env->io->close(directory);
  return result;
}

struct walk {
  struct cache *cache;
  int (*visit)(const struct cache_application *, void *);
  void *context;
  struct hwckpt_error *error;
};

static int visit_name(const char *name, void *context) {
  struct walk *walk = context;
  struct cache_application application;
  if (!format_valid_application(name) ||
      format_same_name(name, FORMAT_MARKER_FILE) || format_is_temporary(name))
    return 0;
  int result =
      describe_application(walk->cache, name, &application, walk->error);
  if (result == -HWCKPT_E_NO_APPLICATION) /* not a directory, or gone */
    return 0;
  return result < 0 ? result : walk->visit(&application, walk->context);
}

int cache_each_application(struct cache *cache,
                           int (*visit)(const struct cache_application *,
                                        void *),
                           void *context, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, NULL, NULL};
  struct walk walk = {cache, visit, context, error};
  int fd = io->openat(cache->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "open");
  int result = io_each_name(&place, fd, visit_name, &walk, error);
  io->close(fd);
  return result;
}
