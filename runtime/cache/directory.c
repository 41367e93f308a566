/* directory.c - opening and making caches, applications and their locks.
 *
 * Invariant: a directory without a whole marker of this version is never
 * written to, and an application's directory is written to only under its
 * lock.
 */
#include "directory.h"

#include "format.h"
#include "io.h"
#include "keys.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* Enough for the devices that were measured (bench/run cache --help); each
 * takes memory of a buffer. */
#define WRITES 4u

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

/* ---- the cache's directory ---- */

static int copy_path(struct cache *cache, const char *path,
                     struct hwckpt_error *error) {
  size_t length = strlen(path);
  if (length == 0)
    return hwckpt_fail(error, HWCKPT_E_CACHE_MISSING, 0, "the user's own",
                       "HOME is not set, or the program has more rights than "
                       "who started it");
  if (length >= CACHE_PATH_MAX)
    return hwckpt_fail(error, HWCKPT_E_CACHE_IO, ENAMETOOLONG, path,
                       "path of a cache");
  memcpy(cache->path, path, length + 1);
  /* With a slash at its end a symbolic link would be followed. */
  while (length > 1 && cache->path[length - 1] == '/')
    cache->path[--length] = '\0';
  return 0;
}

/* Makes the directory and those above it that are missing, each durable in the
 * one that holds it. */
static int make_directories(struct cache *cache, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, NULL, NULL};
  size_t length = strlen(cache->path);
  int above = -ENOENT; /* why the nearest one above could not be made */
  for (size_t at = 1; at <= length; at++) {
    if (cache->path[at] != '/' && at != length)
      continue;
    char kept = cache->path[at];
    cache->path[at] = '\0';
    int made = io->mkdirat(AT_FDCWD, cache->path, 0700);
    cache->path[at] = kept;
    if (made == 0 || made == -EEXIST)
      continue;
    if (at == length)
      return place_fail_io(&place, error, made == -ENOENT ? above : made,
                           "mkdir");
    /* It may be there all the same: EROFS or EACCES do not tell. */
    if (made != -ENOENT)
      above = made;
  }
  return 0;
}

/* Makes the name of the cache's directory durable in the one above. */
static int sync_parent(struct cache *cache, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, NULL, NULL};
  int parent = io->openat(cache->fd, "..",
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
  if (parent < 0) /* it may be ours to pass but not to read */
    return parent == -EACCES
               ? 0
               : place_fail_io(&place, error, parent, "open of its parent");
  int result = io->fsync(parent);
  io->close(parent);
  if (result < 0)
    return place_fail_io(&place, error, result, "fsync of its parent");
  return 0;
}

static int find_foreign(const char *name, void *context) {
  (void)context;
  /* What the file system keeps in its root is not foreign there. */
  static const char lost[] = "lost+found";
  bool is_lost =
      strlen(name) + 1 == sizeof(lost) && memcmp(name, lost, sizeof(lost)) == 0;
  return !format_is_temporary(name) && !is_lost;
}

/* Whether nothing but an interrupted creation is in the directory: > 0 when
 * there is more. */
static int look_for_foreign(struct cache *cache, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, NULL, NULL};
  int fd = io->openat(cache->fd, ".", OPEN_DIRECTORY, 0);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "open");
  int result = io_each_name(&place, fd, find_foreign, NULL, error);
  io->close(fd);
  return result;
}

/* *found false, and 0, when there is no marker. */
static int read_marker(struct cache *cache, bool *found,
                       struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, NULL, FORMAT_MARKER_FILE};
  uint64_t size = 0;
  int fd;
  int result = io_open_file(&place, cache->fd, &fd, &size, error);
  *found = fd >= 0;
  if (fd < 0)
    return result;

  char text[FORMAT_MARKER_MAX];
  if (size > sizeof(text))
    result = place_fail(&place, error, HWCKPT_E_CACHE_MARKER, 0,
                        "at byte %zu: too long", sizeof(text));
  else if (size == 0)
    result = place_fail(&place, error, HWCKPT_E_CACHE_MARKER, 0,
                        "at byte 0: it is empty");
  else
    result = io_read(&place, fd, text, (size_t)size, 0, error);
  io->close(fd);
  if (result < 0)
    return result;

  switch (format_check_marker(text, (size_t)size, &cache->version)) {
  case FORMAT_OK:
    return 0;
  case FORMAT_OTHER:
    return place_fail(&place, error, HWCKPT_E_CACHE_VERSION, 0,
                      "at byte 0: '%.*s', this reads up to %u", (int)size - 1,
                      text, FORMAT_VERSION);
  default:
    return place_fail(&place, error, HWCKPT_E_CACHE_MARKER, 0,
                      "at byte 0: another text is there");
  }
}

static int write_marker(struct cache *cache, struct hwckpt_error *error) {
  char text[FORMAT_MARKER_MAX];
  struct place place = {cache, NULL, FORMAT_MARKER_FILE};
  int result =
      io_replace_file(&place, cache->fd, text, format_marker(text), error);
  if (result == 0)
    cache->version = FORMAT_VERSION;
  return result;
}

static int create_marker(struct cache *cache, struct hwckpt_error *error) {
  int result = write_marker(cache, error);
  return result < 0 ? result : sync_parent(cache, error);
}

int directory_raise_version(struct cache *cache, struct hwckpt_error *error) {
  return cache->version < FORMAT_VERSION ? write_marker(cache, error) : 0;
}

static int check_marker(struct cache *cache, bool create,
                        struct hwckpt_error *error) {
  struct place place = {cache, NULL, NULL};
  bool found;
  int result = read_marker(cache, &found, error);
  if (result < 0 || found)
    return result;
  int foreign = look_for_foreign(cache, error);
  if (foreign < 0)
    return foreign;
  if (!foreign && create)
    return create_marker(cache, error);
  /* Another process may have made it a cache meanwhile. */
  result = read_marker(cache, &found, error);
  if (result < 0 || found)
    return result;
  return place_fail(&place, error, HWCKPT_E_CACHE_MISSING, 0,
                    create ? "the directory holds other things, and no %s file"
                           : "the directory holds no %s file",
                    FORMAT_MARKER_FILE);
}

static int open_directory(struct cache *cache, bool create,
                          struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, NULL, NULL};
  cache->fd = io->openat(AT_FDCWD, cache->path, OPEN_DIRECTORY, 0);
  if (cache->fd == -ENOENT && create) {
    int result = make_directories(cache, error);
    if (result < 0)
      return result;
    cache->fd = io->openat(AT_FDCWD, cache->path, OPEN_DIRECTORY, 0);
  }
  if (cache->fd == -ENOENT)
    return place_fail(&place, error, HWCKPT_E_CACHE_MISSING, ENOENT, "open");
  if (cache->fd < 0)
    return place_fail_io(&place, error, cache->fd, "open");
  return io_check_directory(&place, cache->fd, error);
}

int cache_open(const struct cache_env *env, const char *path, bool create,
               struct cache **result, struct hwckpt_error *error) {
  *result = NULL;
  struct cache *cache = env->map(sizeof(*cache));
  if (!cache)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 0, path,
                       "opening the cache");
  cache->env = env;
  cache->fd = -1;
  cache->segment_bytes = FORMAT_SEGMENT_BYTES;
  cache->writes = WRITES;
  int status = copy_path(cache, path, error);
  if (status == 0)
    status = open_directory(cache, create, error);
  if (status == 0)
    status = check_marker(cache, create, error);
  if (status < 0) {
    cache_close(cache);
    return status;
  }
  *result = cache;
  return 0;
}

void cache_close(struct cache *cache) {
  if (!cache)
    return;
  session_close(cache);
  keys_forget(cache);
  if (cache->fd >= 0)
    cache->env->io->close(cache->fd);
  cache->env->unmap(cache, sizeof(*cache));
}

void cache_set_warn(struct cache *cache,
                    void (*warn)(const struct hwckpt_error *error)) {
  cache->warn = warn;
}

void cache_set_segment_size(struct cache *cache, uint64_t bytes) {
  cache->segment_bytes = bytes;
}

void cache_set_writes(struct cache *cache, unsigned writes) {
  cache->writes = writes < CACHE_QUEUE_DEPTH ? writes : CACHE_QUEUE_DEPTH;
}

void cache_set_relatives(struct cache *cache,
                         const struct cache_relatives *relatives) {
  cache->relatives = relatives;
}

void cache_refer_to(struct cache *cache, uint64_t generation) {
  cache->refer_to = generation;
}

/* ---- applications ---- */

/* One folder after the other, so that no symbolic link is followed. */
static int open_below(struct cache *cache, const char *name, int *fd,
                      struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, name, NULL};
  char application[CACHE_NAME_MAX];
  const char *part;
  if (!format_split_name(name, application, &part))
    return hwckpt_fail(error, HWCKPT_E_CACHE_NAME, 0, name, " ");
  *fd = io->openat(cache->fd, application, OPEN_DIRECTORY, 0);
  if (*fd < 0 || !part)
    return 0;
  int above = *fd;
  int result = io_check_directory(&place, above, error);
  if (result == 0)
    *fd = io->openat(above, part, OPEN_DIRECTORY, 0);
  io->close(above);
  return result;
}

int directory_open(struct cache *cache, const char *application, int *fd,
                   struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, application, NULL};
  *fd = -1;
  int opened;
  int result = open_below(cache, application, &opened, error);
  if (result < 0)
    return result;
  if (opened == -ENOENT || opened == -ENOTDIR)
    return place_fail(&place, error, HWCKPT_E_NO_APPLICATION, -opened, "open");
  if (opened < 0)
    return place_fail_io(&place, error, opened, "open");
  result = io_check_directory(&place, opened, error);
  if (result < 0)
    io->close(opened);
  else
    *fd = opened;
  return result;
}

int directory_open_log(struct cache *cache, const char *name,
                       char of[CACHE_NAME_MAX], int *fd,
                       struct hwckpt_error *error) {
  const char *part;
  *fd = -1;
  if (!format_split_name(name, of, &part))
    return hwckpt_fail(error, HWCKPT_E_CACHE_NAME, 0, name, " ");
  return directory_open(cache, of, fd, error);
}

#define NAME_SUFFIX 9u /* '-' and eight hex digits */

/* base made safe for a file name, with room for the suffix. */
static void safe_base(const char *base, char name[CACHE_NAME_MAX]) {
  size_t length = 0;
  while (base[length] && length < CACHE_APPLICATION_MAX - 1 - NAME_SUFFIX) {
    char one[2] = {base[length], '\0'};
    bool fits = format_valid_application(one);
    /* A dot or a dash in front would hide it or make it an option. */
    if (length > 0 && (one[0] == '.' || one[0] == '-'))
      fits = true;
    if (length == 0 && one[0] == '-')
      fits = false;
    name[length++] = fits ? one[0] : '_';
  }
  if (length == 0) {
    memcpy(name, "program", 7);
    length = 7;
  }
  name[length] = '\0';
}

int cache_new_application(struct cache *cache, const char *base,
                          char name[CACHE_NAME_MAX],
                          struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  char safe[CACHE_NAME_MAX];
  struct place place = {cache, name, NULL};
  safe_base(base, safe);
  int made = -EEXIST;
  for (int attempt = 0; made == -EEXIST && attempt < 16; attempt++) {
    uint32_t random = 0;
    name[0] = '\0';
    long got = io->getrandom(&random, sizeof(random));
    if (got != (long)sizeof(random))
      return place_fail_io(&place, error, got, "getrandom");
    hwckpt_format(name, CACHE_NAME_MAX, "%s-%08x", safe, random);
    made = io->mkdirat(cache->fd, name, 0700);
  }
  if (made < 0)
    return place_fail_io(&place, error, made, "mkdir");
  int synced = io->fsync(cache->fd);
  if (synced < 0) {
    io->unlinkat(cache->fd, name, AT_REMOVEDIR);
    return place_fail_io(&place, error, synced, "fsync of its directory");
  }
  return keys_make(cache, name, error);
}

/* ---- locks ---- */

int directory_lock(struct cache *cache, const char *application, int directory,
                   int *lock, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, application, FORMAT_LOCK_FILE};
  *lock = -1;
  int fd = io->openat(
      directory, FORMAT_LOCK_FILE,
      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "open");
  int result = io_check_file(&place, fd, NULL, error);
  if (result == 0) {
    int locked;
    do
      locked = io->flock(fd, LOCK_EX | LOCK_NB);
    while (locked == -EINTR);
    if (locked == -EWOULDBLOCK)
      result = place_fail(&place, error, HWCKPT_E_CACHE_BUSY, 0,
                          "locked by another writer");
    else if (locked < 0)
      result = place_fail_io(&place, error, locked, "flock");
  }
  if (result < 0)
    io->close(fd);
  else
    *lock = fd;
  return result;
}

void directory_unlock(struct cache *cache, int lock) {
  if (lock < 0)
    return;
  /* Said, not left to close(): a forked child may share the descriptor. */
  cache->env->io->flock(lock, LOCK_UN);
  cache->env->io->close(lock);
}

/* ---- what is in an application's directory ---- */

/* A fresh description of the directory, so that listing starts at its
 * beginning. */
int directory_each_name(struct cache *cache, const char *application,
                        int directory,
                        int (*visit)(const char *name, void *context),
                        void *context, struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  struct place place = {cache, application, NULL};
  int fd = io->openat(directory, ".", OPEN_DIRECTORY, 0);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "open");
  int result = io_each_name(&place, fd, visit, context, error);
  io->close(fd);
  return result;
}

struct stale_context {
  const struct cache_io *io;
  int directory;
};

static int remove_stale(const char *name, void *context) {
  struct stale_context *stale = context;
  /* What cannot be removed is in nobody's way. */
  if (format_is_temporary(name))
    stale->io->unlinkat(stale->directory, name, 0);
  return 0;
}

int directory_remove_stale(struct cache *cache, const char *application,
                           int directory, struct hwckpt_error *error) {
  struct stale_context context = {cache->env->io, directory};
  return directory_each_name(cache, application, directory, remove_stale,
                             &context, error);
}

struct numbers_context {
  const struct cache_env *env;
  uint64_t (*parse)(const char *name);
  struct buffer *numbers;
};

static int collect_number(const char *name, void *context) {
  struct numbers_context *collect = context;
  uint64_t number = collect->parse(name);
  if (number &&
      !buffer_append(collect->env, collect->numbers, &number, sizeof(number)))
    return 1;
  return 0;
}

static void sift_down(uint64_t *heap, size_t root, size_t count) {
  for (;;) {
    size_t child = 2 * root + 1;
    if (child >= count)
      return;
    if (child + 1 < count && heap[child + 1] > heap[child])
      child++;
    if (heap[root] >= heap[child])
      return;
    uint64_t swap = heap[root];
    heap[root] = heap[child];
    heap[child] = swap;
    root = child;
  }
}

static void sort_numbers(uint64_t *numbers, size_t count) {
  for (size_t root = count / 2; root-- > 0;)
    sift_down(numbers, root, count);
  for (size_t end = count; end-- > 1;) {
    uint64_t swap = numbers[0];
    numbers[0] = numbers[end];
    numbers[end] = swap;
    sift_down(numbers, 0, end);
  }
}

int directory_numbers(struct cache *cache, const char *application,
                      int directory, uint64_t (*parse)(const char *name),
                      struct buffer *numbers, struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  struct numbers_context context = {cache->env, parse, numbers};
  numbers->length = 0;
  int result = directory_each_name(cache, application, directory,
                                   collect_number, &context, error);
  if (result > 0)
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                      "listing generations");
  sort_numbers(numbers->data, numbers->length / sizeof(uint64_t));
  return result;
}
