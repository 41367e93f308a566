/* memory_io.c - a cache_io over files in memory. */
#include "memory_io.h"

#include "runtime/cache/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES 64
#define NAME_MAX_LENGTH 256

struct file {
  bool used, in_application;
  char name[NAME_MAX_LENGTH];
  unsigned char *bytes;
  size_t length;
};

static struct file files[FILES];

/* Descriptors: 1 the cache, 2 the application, 3 + i files[i]; listing one of
 * the directories goes through descriptors of their own, 100 and 101, which
 * remember how far they are. */
enum { FD_CACHE = 1, FD_APPLICATION = 2, FD_FILES = 3, FD_LIST = 100 };
static int listed[2];

static struct file *find(bool in_application, const char *name) {
  for (int i = 0; i < FILES; i++)
    if (files[i].used && files[i].in_application == in_application &&
        strcmp(files[i].name, name) == 0)
      return &files[i];
  return NULL;
}

void memory_reset(void) {
  for (int i = 0; i < FILES; i++)
    free(files[i].bytes);
  memset(files, 0, sizeof(files));
}

static struct file *make(bool in_application, const char *name) {
  for (int i = 0; i < FILES; i++)
    if (!files[i].used) {
      files[i].used = true;
      files[i].in_application = in_application;
      strncpy(files[i].name, name, NAME_MAX_LENGTH - 1);
      return &files[i];
    }
  return NULL;
}

void memory_put(bool in_application, const char *name, const void *bytes,
                size_t length) {
  struct file *file = find(in_application, name);
  if (!file)
    file = make(in_application, name);
  if (!file)
    return;
  free(file->bytes);
  file->bytes = malloc(length ? length : 1);
  if (length)
    memcpy(file->bytes, bytes, length);
  file->length = length;
}

const unsigned char *memory_get(bool in_application, const char *name,
                                size_t *length) {
  const struct file *file = find(in_application, name);
  *length = file ? file->length : 0;
  return file ? file->bytes : NULL;
}

static struct file *file_of(int fd) {
  bool valid = fd >= FD_FILES && fd < FD_FILES + FILES;
  return valid && files[fd - FD_FILES].used ? &files[fd - FD_FILES] : NULL;
}

static int memory_openat(int dirfd, const char *path, int flags,
                         unsigned mode) {
  (void)mode;
  bool in_application = dirfd == FD_APPLICATION;
  if (dirfd == AT_FDCWD)
    return strcmp(path, MEMORY_CACHE) == 0 ? FD_CACHE : -ENOENT;
  if (strcmp(path, ".") == 0) {
    listed[in_application] = 0;
    return FD_LIST + in_application;
  }
  if (strcmp(path, "..") == 0)
    return FD_CACHE;
  if (!in_application && strcmp(path, MEMORY_APPLICATION) == 0)
    return FD_APPLICATION;
  struct file *file = find(in_application, path);
  if (file && (flags & O_EXCL))
    return -EEXIST;
  if (file && (flags & O_DIRECTORY))
    return -ENOTDIR;
  if (!file && (flags & O_CREAT))
    file = make(in_application, path);
  return file ? (int)(file - files) + FD_FILES : -ENOENT;
}

static int memory_close(int fd) {
  (void)fd;
  return 0;
}

static long memory_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  struct file *file = file_of(fd);
  if (!file)
    return -EBADF;
  if (offset >= file->length)
    return 0;
  if (length > file->length - offset)
    length = file->length - offset;
  memcpy(buffer, file->bytes + offset, length);
  return (long)length;
}

static long memory_pwrite(int fd, const void *buffer, size_t length,
                          uint64_t offset) {
  struct file *file = file_of(fd);
  if (!file)
    return -EBADF;
  if (offset + length > file->length) {
    unsigned char *grown = realloc(file->bytes, offset + length);
    if (!grown)
      return -ENOSPC;
    file->bytes = grown;
    file->length = offset + length;
  }
  memcpy(file->bytes + offset, buffer, length);
  return (long)length;
}

static int memory_fallocate(int fd, int mode, uint64_t offset,
                            uint64_t length) {
  (void)fd;
  (void)mode;
  (void)offset;
  (void)length;
  return -EOPNOTSUPP;
}

static int memory_ftruncate(int fd, uint64_t length) {
  (void)length;
  return file_of(fd) ? 0 : -EBADF;
}

static int memory_sync(int fd) {
  (void)fd;
  return 0;
}

static int memory_mkdirat(int dirfd, const char *path, unsigned mode) {
  (void)dirfd;
  (void)path;
  (void)mode;
  return -EEXIST;
}

static int memory_unlinkat(int dirfd, const char *path, int flags) {
  (void)flags;
  struct file *file = find(dirfd == FD_APPLICATION, path);
  if (!file)
    return -ENOENT;
  free(file->bytes);
  memset(file, 0, sizeof(*file));
  return 0;
}

static int memory_renameat(int from_dirfd, const char *from, int to_dirfd,
                           const char *to) {
  struct file *file = find(from_dirfd == FD_APPLICATION, from);
  if (!file)
    return -ENOENT;
  memory_unlinkat(to_dirfd, to, 0);
  memset(file->name, 0, sizeof(file->name));
  strncpy(file->name, to, NAME_MAX_LENGTH - 1);
  return 0;
}

static int memory_fstat(int fd, struct stat *status) {
  memset(status, 0, sizeof(*status));
  struct file *file = file_of(fd);
  status->st_mode = file ? S_IFREG | 0600 : S_IFDIR | 0700;
  status->st_size = file ? (long)file->length : 0;
  return 0;
}

static long memory_getdents(int fd, void *buffer, size_t length) {
  bool in_application = fd == FD_LIST + 1;
  char *at = buffer;
  int *next = &listed[in_application];
  for (; *next < FILES; ++*next) {
    const struct file *file = &files[*next];
    if (!file->used || file->in_application != in_application)
      continue;
    /* inode, offset, length, type, name; in steps of eight bytes. */
    unsigned short size =
        (unsigned short)((19 + strlen(file->name) + 1 + 7) & ~7u);
    if ((size_t)(at - (char *)buffer) + size > length)
      break;
    memset(at, 0, size);
    memcpy(at + 16, &size, sizeof(size));
    memcpy(at + 19, file->name, strlen(file->name) + 1);
    at += size;
  }
  return at - (char *)buffer;
}

static int memory_flock(int fd, int operation) {
  (void)fd;
  (void)operation;
  return 0;
}

static uint64_t memory_realtime_ns(void) { return 1; }

static long memory_getrandom(void *buffer, size_t length) {
  memset(buffer, 7, length);
  return (long)length;
}

static unsigned memory_geteuid(void) { return 0; }
static uint64_t memory_clock(void) { return 1; }

static long memory_cached(int fd, uint64_t offset, uint64_t length) {
  (void)fd, (void)offset, (void)length;
  return 0;
}

static int memory_queue_open(void *queue) {
  (void)queue;
  return -ENOSYS;
}

static const struct cache_io memory_io = {
    .openat = memory_openat,
    .close = memory_close,
    .pread = memory_pread,
    .pwrite = memory_pwrite,
    .fallocate = memory_fallocate,
    .ftruncate = memory_ftruncate,
    .fdatasync = memory_sync,
    .fsync = memory_sync,
    .mkdirat = memory_mkdirat,
    .renameat = memory_renameat,
    .unlinkat = memory_unlinkat,
    .fstat = memory_fstat,
    .getdents = memory_getdents,
    .flock = memory_flock,
    .realtime_ns = memory_realtime_ns,
    .getrandom = memory_getrandom,
    .geteuid = memory_geteuid,
    .monotonic_ns = memory_clock,
    .thread_ns = memory_clock,
    .cached = memory_cached,
    .queue_open = memory_queue_open,
};

/* Refuses what no small image needs, as a machine short of memory would. */
static void *memory_map(size_t length) {
  void *address = NULL;
  if (length > (size_t)512 << 20 ||
      posix_memalign(&address, CACHE_PAGE_SIZE, length) != 0)
    return NULL;
  memset(address, 0, length);
  return address;
}

static void memory_unmap(void *address, size_t length) {
  (void)length;
  free(address);
}

const struct cache_env memory_env = {
    .io = &memory_io, .map = memory_map, .unmap = memory_unmap};

struct cache *memory_cache(void) {
  char marker[FORMAT_MARKER_MAX];
  size_t length = format_marker(marker);
  memory_put(false, FORMAT_MARKER_FILE, marker, length);
  struct cache *cache;
  if (cache_open(&memory_env, MEMORY_CACHE, false, &cache, NULL) < 0)
    abort();
  return cache;
}
