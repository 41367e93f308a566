/* crash_disk.c - see crash_disk.h and crash_record.h. Everything stays in the
 * page cache until it is synced; a sync of a directory is one of all names in
 * it. */
#include "crash_record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- the disk ---- */

#define FDS 96

/* Shared by all disks that hold the same. */
struct content {
  unsigned users;
  size_t room;
  unsigned char bytes[];
};

struct disk crash_now;
size_t crash_mapped;

static struct {
  enum { FD_FREE, FD_DIRECTORY, FD_FILE } kind;
  int file;    /* or directory */
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

static void drop(struct content *content) {
  if (content && --content->users == 0)
    free(content);
}

/* The file's bytes, for writing: its own, and at least that many. */
static unsigned char *own_bytes(struct file *file, size_t length) {
  struct content *old = file->content;
  if (old && old->users == 1 && old->room >= length)
    return old->bytes;
  size_t room = length > file->length ? length : file->length;
  struct content *content = malloc(sizeof(*content) + room + 1);
  CHECK(content);
  content->users = 1;
  content->room = room;
  if (old)
    memcpy(content->bytes, old->bytes, file->length);
  drop(old);
  file->content = content;
  return content->bytes;
}

static void set_length(struct file *file, size_t length) {
  if (length > file->length)
    memset(own_bytes(file, length) + file->length, 0, length - file->length);
  file->length = length;
}

static void put_bytes(struct file *file, const void *bytes, size_t length,
                      size_t offset) {
  if (!length)
    return;
  if (offset + length > file->length)
    set_length(file, offset + length);
  memcpy(own_bytes(file, file->length) + offset, bytes, length);
}

void crash_copy(struct disk *to, const struct disk *from) {
  for (int i = 0; i < FILES; i++)
    if (from->files[i].content)
      from->files[i].content->users++;
  for (int i = 0; i < FILES; i++)
    drop(to->files[i].content);
  *to = *from;
}

/* ---- the record ---- */

struct operation crash_record[CRASH_OPERATIONS];
size_t crash_recorded;
bool crash_recording;

static struct operation *note(enum action action, int file) {
  static struct operation nowhere;
  if (!crash_recording)
    return &nowhere;
  CHECK(crash_recorded < CRASH_OPERATIONS);
  struct operation *operation = &crash_record[crash_recorded++];
  *operation = (struct operation){.action = action, .file = file};
  return operation;
}

void crash_apply(struct disk *to, const struct operation *operation,
                 size_t from, size_t behind) {
  struct file *file = &to->files[operation->file];
  size_t end = operation->length < behind ? operation->length : behind;
  switch (operation->action) {
  case WRITE:
    if (from < end)
      put_bytes(file, operation->bytes + from, end - from,
                operation->offset + from);
    break;
  case LENGTH:
    set_length(file, operation->length);
    break;
  case PUNCH:
    if (operation->offset >= file->length)
      break;
    end = operation->offset + operation->length;
    end = end < file->length ? end : file->length;
    memset(own_bytes(file, file->length) + operation->offset, 0,
           end - operation->offset);
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
  case MKDIR:
    to->directories[operation->file - 1].there = true;
    break;
  default:
    break;
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
  for (int i = 0; i < crash_now.directory_count; i++)
    if (crash_now.directories[i].there &&
        crash_now.directories[i].above == above &&
        strcmp(crash_now.directories[i].text, text) == 0)
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
                  directory ? crash_now.directories[directory - 1].above : 0);
  int below = find_directory(directory, path);
  if (below)
    return new_fd(FD_DIRECTORY, below);
  struct name *name = find_name(&crash_now, directory, path);
  if (name && flags & O_EXCL)
    return -EEXIST;
  if (name)
    return new_fd(FD_FILE, name->file);
  if (!(flags & O_CREAT))
    return -ENOENT;
  CHECK(crash_now.file_count < FILES);
  int file = crash_now.file_count++;
  set_name(&crash_now, directory, path, file);
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
  const struct file *file = &crash_now.files[fds[fd].file];
  if (offset >= file->length)
    return 0;
  if (length > file->length - offset)
    length = file->length - offset;
  memcpy(buffer, file->content->bytes + offset, length);
  return (long)length;
}

long crash_pwrite(int fd, const void *buffer, size_t length, uint64_t offset) {
  struct operation *operation = note(WRITE, fds[fd].file);
  if (crash_recording) {
    operation->offset = offset;
    operation->length = length;
    operation->bytes = malloc(length + 1);
    memcpy(operation->bytes, buffer, length);
  }
  put_bytes(&crash_now.files[fds[fd].file], buffer, length, offset);
  return (long)length;
}

static int disk_ftruncate(int fd, uint64_t length) {
  note(LENGTH, fds[fd].file)->length = length;
  set_length(&crash_now.files[fds[fd].file], length);
  return 0;
}

static int disk_fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
  const struct file *file = &crash_now.files[fds[fd].file];
  if (mode == 0)
    return offset + length > file->length ? disk_ftruncate(fd, offset + length)
                                          : 0;
  struct operation *operation = note(PUNCH, fds[fd].file);
  operation->offset = offset;
  operation->length = length;
  struct operation now = {.action = PUNCH, .file = fds[fd].file};
  now.offset = offset;
  now.length = length;
  crash_apply(&crash_now, &now, 0, SIZE_MAX);
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
  CHECK(crash_now.directory_count < DIRECTORIES);
  struct directory *directory =
      &crash_now.directories[crash_now.directory_count++];
  directory->there = true;
  directory->above = above;
  snprintf(directory->text, sizeof(directory->text), "%s", path);
  note(MKDIR, crash_now.directory_count)->directory = above;
  return 0;
}

static int disk_renameat(int from_fd, const char *from, int to_fd,
                         const char *to) {
  struct name *name = find_name(&crash_now, directory_of(from_fd), from);
  CHECK(from_fd == to_fd);
  if (!name)
    return -ENOENT;
  struct operation *operation = note(RENAME, name->file);
  operation->directory = directory_of(to_fd);
  strcpy(operation->from, from);
  strcpy(operation->text, to);
  int file = name->file;
  remove_name(&crash_now, directory_of(from_fd), from);
  set_name(&crash_now, directory_of(to_fd), to, file);
  return 0;
}

static int disk_unlinkat(int fd, const char *path, int flags) {
  (void)flags;
  struct name *name = find_name(&crash_now, directory_of(fd), path);
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
  status->st_size = is_file ? (long)crash_now.files[fds[fd].file].length : 0;
  return 0;
}

/* The name at that place of the list of directories and names, if it is of the
 * directory. */
static const char *name_at(unsigned at, int directory) {
  if (at < DIRECTORIES)
    return crash_now.directories[at].there &&
                   crash_now.directories[at].above == directory
               ? crash_now.directories[at].text
               : NULL;
  const struct name *name = &crash_now.names[at - DIRECTORIES];
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
/* Never the same: names are made of it. */
static long disk_getrandom(void *buffer, size_t length) {
  static uint64_t next;
  uint64_t word = ++next * UINT64_C(0x9e3779b97f4a7c15);
  for (size_t i = 0; i < length; i++)
    ((unsigned char *)buffer)[i] = (unsigned char)(word >> i % 8 * 8);
  return (long)length;
}
static unsigned disk_geteuid(void) { return 0; }
static uint64_t disk_clock(void) { return 1; }

static const struct cache_io disk_io = {
    .openat = disk_openat,
    .close = disk_close,
    .pread = disk_pread,
    .pwrite = crash_pwrite,
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

/* ---- memory ---- */

/* Taken again for the next state instead of given back: the kernel takes longer
 * for the pages than the cache for what it does with them. */
#if __has_feature(address_sanitizer) /* sees what is given back */
#define POOL 0
#else
#define POOL 512
#endif
#define POOLED_MOST ((size_t)16 << 20)
static struct {
  void *address; /* null: none */
  size_t length;
} pool[POOL + 1];

static void *disk_map(size_t length) {
  for (int i = 0; i < POOL; i++)
    if (pool[i].address && pool[i].length == length) {
      void *address = pool[i].address;
      pool[i].address = NULL;
      crash_mapped += length;
      return memset(address, 0, length);
    }
  void *address = unit_map(length);
  crash_mapped += address ? length : 0;
  return address;
}

static void disk_unmap(void *address, size_t length) {
  crash_mapped -= length;
  for (int i = 0; i < POOL && length <= POOLED_MOST; i++)
    if (!pool[i].address) {
      pool[i].address = address;
      pool[i].length = length;
      return;
    }
  unit_unmap(address, length);
}

const struct cache_env crash_env = {
    .io = &disk_io, .map = disk_map, .unmap = disk_unmap, .lists = 8192};
