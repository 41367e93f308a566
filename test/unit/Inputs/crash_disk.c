/* crash_disk.c - see crash_disk.h. Everything stays in the page cache until it
 * is synced; a sync of a directory is one of all names in it. */
#include "crash_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- the disk ---- */

#define FILES 128
#define FDS 96
#define SECTOR 512u

struct file {
  unsigned char *bytes;
  size_t length;
};

struct name {
  bool used;
  int directory; /* 0: the cache's; else a place in the list, plus one */
  char text[64];
  int file;
};

struct disk {
  struct file files[FILES]; /* never used again for another */
  int file_count;
  struct name names[FILES];
};

static struct disk disk;

/* Directories are there from the moment they are made, and stay. */
#define DIRECTORIES 8
static struct {
  int above;
  char text[CACHE_NAME_MAX];
} directories[DIRECTORIES];
static int directory_count;

static struct {
  enum { FD_FREE, FD_DIRECTORY, FD_FILE } kind;
  int file; /* or directory */
  unsigned at; /* in the list of names */
} fds[FDS];

static struct name *find_name(struct disk *in, int directory,
                              const char *text) {
  for (int i = 0; i < FILES; i++)
    if (in->names[i].used && in->names[i].directory == directory &&
        strcmp(in->names[i].text, text) == 0)
      return &in->names[i];
  return NULL;
}

static void set_name(struct disk *in, int directory, const char *text,
                     int file) {
  struct name *name = find_name(in, directory, text);
  for (int i = 0; !name && i < FILES; i++)
    if (!in->names[i].used)
      name = &in->names[i];
  CHECK(name && strlen(text) < sizeof(name->text));
  name->used = true;
  name->directory = directory;
  strcpy(name->text, text);
  name->file = file;
}

static void remove_name(struct disk *in, int directory, const char *text) {
  struct name *name = find_name(in, directory, text);
  if (name)
    name->used = false;
}

static void set_length(struct file *file, size_t length) {
  if (length > file->length) {
    file->bytes = realloc(file->bytes, length);
    CHECK(file->bytes);
    memset(file->bytes + file->length, 0, length - file->length);
  }
  file->length = length;
}

static void put_bytes(struct file *file, const void *bytes, size_t length,
                      size_t offset) {
  if (length && offset + length > file->length)
    set_length(file, offset + length);
  if (length)
    memcpy(file->bytes + offset, bytes, length);
}

static void copy_disk(struct disk *to, const struct disk *from) {
  for (int i = 0; i < FILES; i++)
    free(to->files[i].bytes);
  *to = *from;
  for (int i = 0; i < FILES; i++)
    if (from->files[i].bytes) {
      to->files[i].bytes = malloc(from->files[i].length + 1);
      memcpy(to->files[i].bytes, from->files[i].bytes, from->files[i].length);
    }
}

/* ---- the record ---- */

enum action { WRITE, LENGTH, PUNCH, NAME, UNNAME, RENAME, SYNC, SYNC_NAMES };

struct operation {
  enum action action;
  int file, directory;
  size_t offset, length;
  unsigned char *bytes;
  char text[64], from[64];
  bool done; /* what of it is still open is known to be on the device */
};

static struct operation record[4096];
size_t crash_recorded;
static bool recording;

static struct operation *note(enum action action, int file) {
  static struct operation nowhere;
  if (!recording)
    return &nowhere;
  CHECK(crash_recorded < sizeof(record) / sizeof(record[0]));
  struct operation *operation = &record[crash_recorded++];
  *operation = (struct operation){.action = action, .file = file};
  return operation;
}

/* Does one operation; of a write only the first `limit` bytes. */
static void apply(struct disk *to, const struct operation *operation,
                  size_t limit) {
  struct file *file = &to->files[operation->file];
  size_t length = operation->length < limit ? operation->length : limit;
  switch (operation->action) {
  case WRITE:
    put_bytes(file, operation->bytes, length, operation->offset);
    break;
  case LENGTH:
    set_length(file, operation->length);
    break;
  case PUNCH:
    for (size_t i = operation->offset;
         i < operation->offset + operation->length && i < file->length; i++)
      file->bytes[i] = 0;
    break;
  case NAME:
    set_name(to, operation->directory, operation->text, operation->file);
    break;
  case UNNAME:
    remove_name(to, operation->directory, operation->text);
    break;
  case RENAME:
    remove_name(to, operation->directory, operation->from);
    set_name(to, operation->directory, operation->text, operation->file);
    break;
  default:
    break;
  }
}

static bool is_of_names(const struct operation *operation) {
  return operation->action == NAME || operation->action == UNNAME ||
         operation->action == RENAME;
}

/* Of the operations before `end`, marks those that a sync has made durable. */
static void settle(size_t end) {
  for (size_t i = 0; i < end; i++)
    record[i].done = false;
  for (size_t i = 0; i < end; i++) {
    if (record[i].action != SYNC && record[i].action != SYNC_NAMES)
      continue;
    for (size_t j = 0; j < i; j++)
      record[j].done |=
          record[i].action == SYNC
              ? !is_of_names(&record[j]) && record[j].file == record[i].file
              : is_of_names(&record[j]) &&
                    record[j].directory == record[i].directory;
  }
}

/* ---- cache_io over it ---- */

static int new_fd(int kind, int file) {
  for (int i = 0; i < FDS; i++)
    if (fds[i].kind == FD_FREE) {
      fds[i].kind = kind;
      fds[i].file = file;
      fds[i].at = 0;
      return i;
    }
  return -EMFILE;
}

static int directory_of(int fd) {
  CHECK(fds[fd].kind == FD_DIRECTORY);
  return fds[fd].file;
}

static int find_directory(int above, const char *text) {
  for (int i = 0; i < directory_count; i++)
    if (directories[i].above == above && strcmp(directories[i].text, text) == 0)
      return i + 1;
  return 0;
}

static int disk_openat(int dirfd, const char *path, int flags, unsigned mode) {
  (void)mode;
  if (dirfd == AT_FDCWD)
    return strcmp(path, "cache") == 0 ? new_fd(FD_DIRECTORY, 0) : -ENOENT;
  int directory = directory_of(dirfd);
  if (strcmp(path, ".") == 0)
    return new_fd(FD_DIRECTORY, directory);
  if (strcmp(path, "..") == 0)
    return new_fd(FD_DIRECTORY,
                  directory ? directories[directory - 1].above : 0);
  int below = find_directory(directory, path);
  if (below)
    return new_fd(FD_DIRECTORY, below);
  struct name *name = find_name(&disk, directory, path);
  if (name && flags & O_EXCL)
    return -EEXIST;
  if (name)
    return new_fd(FD_FILE, name->file);
  if (!(flags & O_CREAT))
    return -ENOENT;
  CHECK(disk.file_count < FILES);
  int file = disk.file_count++;
  set_name(&disk, directory, path, file);
  struct operation *operation = note(NAME, file);
  operation->directory = directory;
  strcpy(operation->text, path);
  return new_fd(FD_FILE, file);
}

static int disk_close(int fd) {
  fds[fd].kind = FD_FREE;
  return 0;
}

static long disk_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  const struct file *file = &disk.files[fds[fd].file];
  if (offset >= file->length)
    return 0;
  if (length > file->length - offset)
    length = file->length - offset;
  memcpy(buffer, file->bytes + offset, length);
  return (long)length;
}

static long disk_pwrite(int fd, const void *buffer, size_t length,
                        uint64_t offset) {
  struct operation *operation = note(WRITE, fds[fd].file);
  if (recording) {
    operation->offset = offset;
    operation->length = length;
    operation->bytes = malloc(length + 1);
    memcpy(operation->bytes, buffer, length);
  }
  put_bytes(&disk.files[fds[fd].file], buffer, length, offset);
  return (long)length;
}

static int disk_ftruncate(int fd, uint64_t length) {
  note(LENGTH, fds[fd].file)->length = length;
  set_length(&disk.files[fds[fd].file], length);
  return 0;
}

static int disk_fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
  struct file *file = &disk.files[fds[fd].file];
  if (mode == 0)
    return offset + length > file->length ? disk_ftruncate(fd, offset + length)
                                          : 0;
  struct operation *operation = note(PUNCH, fds[fd].file);
  operation->offset = offset;
  operation->length = length;
  struct operation now = {.action = PUNCH, .file = fds[fd].file};
  now.offset = offset;
  now.length = length;
  apply(&disk, &now, SIZE_MAX);
  return 0;
}

static int disk_fdatasync(int fd) {
  note(SYNC, fds[fd].file);
  return 0;
}

static int disk_fsync(int fd) {
  if (fds[fd].kind == FD_FILE)
    return disk_fdatasync(fd);
  note(SYNC_NAMES, 0)->directory = directory_of(fd);
  return 0;
}

static int disk_mkdirat(int fd, const char *path, unsigned mode) {
  (void)mode;
  if (fd == AT_FDCWD)
    return -EEXIST;
  int above = directory_of(fd);
  if (find_directory(above, path))
    return -EEXIST;
  CHECK(directory_count < DIRECTORIES);
  directories[directory_count].above = above;
  snprintf(directories[directory_count++].text, CACHE_NAME_MAX, "%s", path);
  return 0;
}

static int disk_renameat(int from_fd, const char *from, int to_fd,
                         const char *to) {
  struct name *name = find_name(&disk, directory_of(from_fd), from);
  CHECK(from_fd == to_fd);
  if (!name)
    return -ENOENT;
  struct operation *operation = note(RENAME, name->file);
  operation->directory = directory_of(to_fd);
  strcpy(operation->from, from);
  strcpy(operation->text, to);
  int file = name->file;
  remove_name(&disk, directory_of(from_fd), from);
  set_name(&disk, directory_of(to_fd), to, file);
  return 0;
}

static int disk_unlinkat(int fd, const char *path, int flags) {
  (void)flags;
  struct name *name = find_name(&disk, directory_of(fd), path);
  if (!name)
    return -ENOENT;
  struct operation *operation = note(UNNAME, name->file);
  operation->directory = directory_of(fd);
  strcpy(operation->text, path);
  name->used = false;
  return 0;
}

static int disk_fstat(int fd, struct stat *status) {
  memset(status, 0, sizeof(*status));
  bool is_file = fds[fd].kind == FD_FILE;
  status->st_mode = is_file ? S_IFREG | 0600 : S_IFDIR | 0700;
  status->st_size = is_file ? (long)disk.files[fds[fd].file].length : 0;
  return 0;
}

/* The name at that place of the list of directories and names, if it is of the
 * directory. */
static const char *name_at(unsigned at, int directory) {
  if (at < DIRECTORIES)
    return (int)at < directory_count && directories[at].above == directory
               ? directories[at].text
               : NULL;
  const struct name *name = &disk.names[at - DIRECTORIES];
  return name->used && name->directory == directory ? name->text : NULL;
}

static long disk_getdents(int fd, void *buffer, size_t length) {
  char *at = buffer;
  for (; fds[fd].at < DIRECTORIES + FILES; fds[fd].at++) {
    const char *text = name_at(fds[fd].at, directory_of(fd));
    if (!text)
      continue;
    unsigned short size = (unsigned short)((19 + strlen(text) + 1 + 7) & ~7u);
    CHECK((size_t)(at - (char *)buffer) + size <= length);
    memset(at, 0, size);
    memcpy(at + 16, &size, sizeof(size));
    strcpy(at + 19, text);
    at += size;
  }
  return at - (char *)buffer;
}

static int disk_flock(int fd, int operation) {
  (void)fd;
  (void)operation;
  return 0;
}
static uint64_t disk_realtime_ns(void) { return 1; }
static long disk_getrandom(void *buffer, size_t length) {
  static unsigned char next;
  memset(buffer, ++next, length);
  return (long)length;
}
static unsigned disk_geteuid(void) { return 0; }
static uint64_t disk_clock(void) { return 1; }

static const struct cache_io disk_io = {
    .openat = disk_openat,
    .close = disk_close,
    .pread = disk_pread,
    .pwrite = disk_pwrite,
    .fallocate = disk_fallocate,
    .ftruncate = disk_ftruncate,
    .fdatasync = disk_fdatasync,
    .fsync = disk_fsync,
    .mkdirat = disk_mkdirat,
    .renameat = disk_renameat,
    .unlinkat = disk_unlinkat,
    .fstat = disk_fstat,
    .getdents = disk_getdents,
    .flock = disk_flock,
    .realtime_ns = disk_realtime_ns,
    .getrandom = disk_getrandom,
    .geteuid = disk_geteuid,
    .monotonic_ns = disk_clock,
    .thread_ns = disk_clock,
    .cached = unit_none_cached,
    .queue_open = unit_queue_open,
    .queue_write = unit_queue_write,
    .queue_wait = unit_queue_wait,
    .queue_close = unit_queue_close,
};
const struct cache_env crash_env = {&disk_io, unit_map, unit_unmap};


/* ---- loss of power ---- */

static struct disk before;

void crash_begin(void) {
  unit_queue_pwrite = disk_pwrite;
  copy_disk(&before, &disk);
  recording = true;
}

static int before_loss; /* files that the run made */

void crash_end(void) {
  recording = false;
  before_loss = disk.file_count;
}

/* What becomes of the operations that are not known to be durable. */
enum fate { NONE, ALL, ALL_BUT_TORN, SOME };

static void lose_power(size_t end, enum fate fate) {
  copy_disk(&disk, &before);
  for (size_t i = 0; i < end; i++) {
    bool kept = record[i].done || fate == ALL || fate == ALL_BUT_TORN ||
                (fate == SOME && unit_random(2));
    size_t limit = SIZE_MAX;
    bool last = i + 1 == end && fate == ALL_BUT_TORN;
    bool torn = fate == SOME && !record[i].done && unit_random(4) == 0;
    if (record[i].action == WRITE && (last || torn))
      limit = unit_random((unsigned)(record[i].length / SECTOR + 1)) * SECTOR;
    if (kept)
      apply(&disk, &record[i], limit);
  }
  CHECK(before_loss <= FILES / 2);
  disk.file_count = FILES / 2; /* not those of the run */
}

void crash_each(unsigned samples, void (*check)(size_t end)) {
  for (size_t end = 0; end <= crash_recorded; end++) {
    settle(end);
    for (unsigned i = 0; i < SOME + samples; i++) {
      lose_power(end, i < SOME ? (enum fate)i : SOME);
      check(end);
    }
  }
}
