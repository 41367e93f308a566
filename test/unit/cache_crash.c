/* Loss of power at every instant of a run: all input and output of the cache
 * goes to a file system in memory that records it. For every prefix of the
 * record, what a device may have kept is built again: all that was synced, and
 * of the rest nothing, all, any part in any order, the last write torn between
 * two sectors. In each such state every generation that was committed reads
 * back bit for bit, also one that is being merged; one that was being committed
 * reads back or is not there; and the cache can be written to, merged and
 * tidied. HWCKPT_STRESS=1: many more parts of each.
 */
// RUN: %unit/cache_crash
// RUN: env UNIT_KEY=1 %unit/cache_crash
#include "Inputs/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- a file system in memory ---- */

#define FILES 64
#define FDS 64
#define SECTOR 512u

struct file {
  unsigned char *bytes;
  size_t length;
};

struct name {
  bool used;
  int directory; /* 0: the cache's, 1: the application's */
  char text[64];
  int file;
};

struct disk {
  struct file files[FILES]; /* never used again for another */
  int file_count;
  struct name names[FILES];
};

static struct disk disk;
static char application[CACHE_NAME_MAX];

static struct {
  enum { FD_FREE, FD_ROOT, FD_APPLICATION, FD_FILE } kind;
  int file;
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
static size_t recorded;
static bool recording;

static struct operation *note(enum action action, int file) {
  static struct operation nowhere;
  if (!recording)
    return &nowhere;
  CHECK(recorded < sizeof(record) / sizeof(record[0]));
  struct operation *operation = &record[recorded++];
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

static int directory_of(int fd) { return fds[fd].kind == FD_APPLICATION; }

static int disk_openat(int dirfd, const char *path, int flags, unsigned mode) {
  (void)mode;
  if (dirfd == AT_FDCWD)
    return strcmp(path, "cache") == 0 ? new_fd(FD_ROOT, 0) : -ENOENT;
  if (strcmp(path, ".") == 0)
    return new_fd((int)fds[dirfd].kind, 0);
  int directory = directory_of(dirfd);
  if (!directory && application[0] && strcmp(path, application) == 0)
    return new_fd(FD_APPLICATION, 0);
  if (strcmp(path, "..") == 0)
    return new_fd(FD_ROOT, 0);
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
  (void)fd;
  (void)mode;
  if (strcmp(path, "cache") == 0 || strcmp(path, application) == 0)
    return -EEXIST;
  snprintf(application, sizeof(application), "%s", path);
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

static long disk_getdents(int fd, void *buffer, size_t length) {
  char *at = buffer;
  for (; fds[fd].at < FILES; fds[fd].at++) {
    const struct name *name = &disk.names[fds[fd].at];
    if (!name->used || name->directory != directory_of(fd))
      continue;
    unsigned short size =
        (unsigned short)((19 + strlen(name->text) + 1 + 7) & ~7u);
    CHECK((size_t)(at - (char *)buffer) + size <= length);
    memset(at, 0, size);
    memcpy(at + 16, &size, sizeof(size));
    strcpy(at + 19, name->text);
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
static const struct cache_env env = {&disk_io, unit_map, unit_unmap};

/* ---- the run ---- */

#define PAGES 800
#define LARGE 10 /* a generation of several writes at the same time */
#define GENERATIONS 12
static struct model models[GENERATIONS + 2];
static size_t committed_at[GENERATIONS + 1]; /* operations by then; 0: never */
static size_t begun_at[GENERATIONS + 1];
static size_t retained_from;
static uint64_t removed_below; /* by the newest retention */
static size_t removed_from;

static void write_generation(struct cache *cache, uint64_t number,
                             uint64_t parent) {
  struct cache_write_options options = {
      parent, number == LARGE ? 0 : (int)(number % 2)};
  struct cache_writer *writer;
  struct model *model = &models[number];
  *model = models[parent];
  model->pages = PAGES;
  begun_at[number] = recorded;
  CHECK_OK(cache_begin(cache, application, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == number);
  size_t count = number % 3 == 0 ? 5 : 100; /* in its own file, or not */
  CHECK_OK(unit_put(writer, model, number * 7 % 100, count, (unsigned)number,
                    &unit_error));
  if (number == LARGE)
    CHECK_OK(unit_put(writer, model, 256, PAGES - 256, LARGE, &unit_error));
  /* Some of it again as it was. */
  CHECK_OK(unit_put(writer, model, 200, 50, 77, &unit_error));
  CHECK_OK(cache_put_record(writer, 1, "record", 6, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  committed_at[number] = recorded;
}

static struct cache *open_cache(void) {
  struct cache *cache;
  CHECK_OK(cache_open(&env, "cache", true, &cache, &unit_error));
  cache_set_segment_size(cache, 3 << 20);
  return cache;
}

static void run(void) {
  static const uint64_t parents[GENERATIONS + 1] = {0, 0, 1, 2, 0, 4,
                                                    5, 6, 7, 8, 9};
  struct cache *cache = open_cache();
  char name[CACHE_NAME_MAX];
  unsigned count;
  bool merged;
  recording = true; /* of the application: its key */
  CHECK_OK(cache_new_application(cache, "p", name, &unit_error));
  for (uint64_t number = 1; number <= 4; number++)
    write_generation(cache, number, parents[number]);
  cache_close(cache); /* killed, or ended; another goes on */
  cache = open_cache();
  CHECK_OK(cache_count_restore(cache, application, 4, &count, &unit_error));
  write_generation(cache, 5, parents[5]);
  retained_from = recorded;
  CHECK_OK(unit_retain(cache, application, 1, &unit_error));
  for (uint64_t number = 6; number <= 7; number++)
    write_generation(cache, number, parents[number]);
  /* Generations of segments, of their own files, and what was merged before. */
  CHECK_OK(unit_merge(cache, application, &merged, &unit_error));
  CHECK(merged);
  write_generation(cache, 8, parents[8]);
  write_generation(cache, 9, parents[9]);
  CHECK_OK(unit_merge(cache, application, &merged, &unit_error));
  CHECK(merged);
  removed_below = 9;
  removed_from = recorded;
  CHECK_OK(unit_retain(cache, application, 1, &unit_error));
  write_generation(cache, 10, parents[10]);
  recording = false;
  cache_close(cache);
}

/* ---- after the loss ---- */

static unsigned long states;
static size_t lost_at;

/* Was, or may have been, removed. */
static bool is_removed(uint64_t number) {
  return (number < 4 && lost_at > retained_from) ||
         (number < removed_below && lost_at > removed_from);
}

static int see(const struct cache_generation *generation, int damage,
               void *context) {
  /* Where names are not removed in order, a delta may outlive its base. */
  CHECK(damage == 0 ||
        (damage == HWCKPT_E_CHAIN_BROKEN && is_removed(generation->number)));
  ((bool *)context)[generation->number] = damage == 0;
  return 0;
}

static void check(size_t end) {
  struct cache *cache = open_cache();
  bool there[GENERATIONS + 2] = {false};
  states++;
  lost_at = end;
  CHECK_OK(cache_each_generation(cache, application, see, there, &unit_error));
  uint64_t newest = 0;
  for (uint64_t number = 1; number <= GENERATIONS; number++) {
    bool committed = committed_at[number] && committed_at[number] <= end;
    bool begun = committed_at[number] && begun_at[number] < end;
    CHECK(!there[number] || begun);
    CHECK(there[number] || !committed || is_removed(number));
    if (there[number]) {
      CHECK_OK(unit_compare(cache, application, number, &models[number],
                            &unit_error));
      CHECK_OK(cache_verify(cache, application, number, &unit_error));
      newest = number;
    }
  }
  struct model before = models[newest + 1];
  size_t kept = committed_at[newest + 1], kept_begun = begun_at[newest + 1];
  CHECK_OK(cache_use_application(cache, application, &unit_error));
  write_generation(cache, newest + 1, newest);
  CHECK_OK(unit_compare(cache, application, newest + 1, &models[newest + 1],
                        &unit_error));
  bool merged;
  CHECK_OK(unit_merge(cache, application, &merged, &unit_error));
  CHECK(merged || newest == 0);
  CHECK_OK(unit_retain(cache, application, 1, &unit_error));
  CHECK_OK(unit_compare(cache, application, newest + 1, &models[newest + 1],
                        &unit_error));
  models[newest + 1] = before;
  committed_at[newest + 1] = kept;
  begun_at[newest + 1] = kept_begun;
  cache_close(cache);
  CHECK(unit_mapped() == 0);
}

/* What becomes of the operations that are not known to be durable. */
enum fate { NONE, ALL, ALL_BUT_TORN, SOME };

static void lose_power(const struct disk *start, size_t end, enum fate fate) {
  copy_disk(&disk, start);
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
  disk.file_count = FILES / 2; /* not those of the run */
  check(end);
}

int main(void) {
  unit_queue_pwrite = disk_pwrite;
  const char *stress = getenv("HWCKPT_STRESS");
  unsigned samples = stress && *stress == '1' ? 200 : 4;
  static struct disk start;
  struct cache *cache = open_cache();
  cache_close(cache);
  copy_disk(&start, &disk);
  run();
  for (size_t end = 0; end <= recorded; end++) {
    settle(end);
    lose_power(&start, end, NONE);
    lose_power(&start, end, ALL);
    lose_power(&start, end, ALL_BUT_TORN);
    for (unsigned i = 0; i < samples; i++)
      lose_power(&start, end, SOME);
  }
  printf("%zu operations, %lu states\n", recorded, states);
  CHECK(recorded > 60 && states > 400);
  return 0;
}
