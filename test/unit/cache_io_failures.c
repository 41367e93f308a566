/* Each single system call of the cache fails in turn, with EIO, or as on a full
 * or read-only file system, or writes and reads less than asked, or is the last
 * one made; or from it on the file system stays full, or read-only: what was
 * committed stays whole, what was not is not seen, nothing is left open.
 * HWCKPT_STRESS=1: each in each of these ways. */
// RUN: %unit/cache_io_failures
// RUN: %unit/sanitized/cache_io_failures EIO
#include "Inputs/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum mode { FAIL_ONCE, SHORT_ONCE, DEAD_FROM_HERE, REFUSES_FROM_HERE };

static struct {
  enum mode mode;
  int error;
  long left; /* calls until the injection */
  bool hit;
  bool needed; /* nobody may go on as if it had been done */
} plan;

/* What a call asks of the file system: a full one refuses what needs room, a
 * read-only one also what changes it otherwise. */
enum need { NOTHING, CHANGE, ROOM };

/* Whether this call is to fail. */
static bool strike(enum need need) {
  if (plan.left > 0) {
    plan.left--;
    return false;
  }
  if (plan.mode == REFUSES_FROM_HERE &&
      need < (plan.error == EROFS ? CHANGE : ROOM))
    return false;
  bool first = !plan.hit;
  plan.hit = true;
  return first || plan.mode >= DEAD_FROM_HERE;
}

#define INJECT(need, call)                                                     \
  do {                                                                         \
    if (strike(need) && plan.mode != SHORT_ONCE)                               \
      return -plan.error;                                                      \
    return cache_io_kernel.call;                                               \
  } while (0)

#define INJECT_QUEUE(need, call)                                               \
  do {                                                                         \
    if (strike(need) && plan.mode != SHORT_ONCE)                               \
      return -plan.error;                                                      \
    return unit_queue_##call;                                                  \
  } while (0)

/* What makes something durable, or known. */
#define INJECT_NEEDED(need, call)                                              \
  do {                                                                         \
    bool before = plan.hit;                                                    \
    bool struck = strike(need) && plan.mode != SHORT_ONCE;                     \
    plan.needed |= struck && !before;                                          \
    if (struck)                                                                \
      return -plan.error;                                                      \
    return cache_io_kernel.call;                                               \
  } while (0)

/* Around the page cache each write would wait for the device. */
static int io_openat(int fd, const char *path, int flags, unsigned mode) {
  enum need need = NOTHING;
  if (flags & O_CREAT)
    need = ROOM;
  else if ((flags & O_ACCMODE) != O_RDONLY)
    need = CHANGE;
  INJECT(need, openat(fd, path, flags & ~O_DIRECT, mode));
}
static int io_close(int fd) { /* closes even so, as the kernel does */
  bool struck = strike(NOTHING);
  int result = cache_io_kernel.close(fd);
  return struck && plan.mode != SHORT_ONCE ? -plan.error : result;
}
static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  if (strike(NOTHING)) {
    if (plan.mode != SHORT_ONCE)
      return -plan.error;
    length = length > 1 ? length / 2 : length;
  }
  return cache_io_kernel.pread(fd, buffer, length, offset);
}
static long io_pwrite(int fd, const void *buffer, size_t length,
                      uint64_t offset) {
  if (strike(ROOM)) {
    if (plan.mode == DEAD_FROM_HERE) /* torn in the middle */
      cache_io_kernel.pwrite(fd, buffer, length / 2, offset);
    if (plan.mode != SHORT_ONCE)
      return -plan.error;
    length = length > 1 ? length / 2 : length;
  }
  return cache_io_kernel.pwrite(fd, buffer, length, offset);
}
static int io_fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
  INJECT(mode ? CHANGE : ROOM, fallocate(fd, mode, offset, length));
}
static int io_ftruncate(int fd, uint64_t length) {
  INJECT(CHANGE, ftruncate(fd, length));
}
/* No power is lost here: syncing in earnest would only take time. */
static int io_fdatasync(int fd) {
  INJECT_NEEDED(NOTHING, fstat(fd, &(struct stat){0}));
}
static int io_fsync(int fd) {
  INJECT_NEEDED(NOTHING, fstat(fd, &(struct stat){0}));
}
static int io_mkdirat(int fd, const char *path, unsigned mode) {
  INJECT(ROOM, mkdirat(fd, path, mode));
}
static int io_renameat(int from_fd, const char *from, int to_fd,
                       const char *to) {
  INJECT_NEEDED(CHANGE, renameat(from_fd, from, to_fd, to));
}
static int io_unlinkat(int fd, const char *path, int flags) {
  INJECT(CHANGE, unlinkat(fd, path, flags));
}
static int io_fstat(int fd, struct stat *status) {
  INJECT(NOTHING, fstat(fd, status));
}
static long io_getdents(int fd, void *buffer, size_t length) {
  INJECT(NOTHING, getdents(fd, buffer, length));
}
static int io_flock(int fd, int operation) {
  INJECT(NOTHING, flock(fd, operation));
}
static uint64_t io_realtime_ns(void) { return cache_io_kernel.realtime_ns(); }
static long io_getrandom(void *buffer, size_t length) {
  INJECT(NOTHING, getrandom(buffer, length));
}
static unsigned io_geteuid(void) { return cache_io_kernel.geteuid(); }

/* A refused queue, or write in it, is for pwrite(). */
static int io_queue_open(void *queue) { INJECT_QUEUE(NOTHING, open(queue)); }
static int io_queue_write(void *queue, int fd, const void *buffer,
                          size_t length, uint64_t offset, unsigned tag) {
  INJECT_QUEUE(ROOM, write(queue, fd, buffer, length, offset, tag));
}
static int io_queue_wait(void *queue, unsigned *tag, long *result) {
  INJECT_QUEUE(NOTHING, wait(queue, tag, result));
}

static const struct cache_io injecting = {
    .openat = io_openat,
    .close = io_close,
    .pread = io_pread,
    .pwrite = io_pwrite,
    .fallocate = io_fallocate,
    .ftruncate = io_ftruncate,
    .fdatasync = io_fdatasync,
    .fsync = io_fsync,
    .mkdirat = io_mkdirat,
    .renameat = io_renameat,
    .unlinkat = io_unlinkat,
    .fstat = io_fstat,
    .getdents = io_getdents,
    .flock = io_flock,
    .realtime_ns = io_realtime_ns,
    .getrandom = io_getrandom,
    .geteuid = io_geteuid,
    .monotonic_ns = io_realtime_ns,
    .thread_ns = io_realtime_ns,
    .cached = unit_none_cached,
    .queue_open = io_queue_open,
    .queue_write = io_queue_write,
    .queue_wait = io_queue_wait,
    .queue_close = unit_queue_forget,
};

static const struct cache_env env = {
    .io = &injecting, .map = unit_map, .unmap = unit_unmap};

/* ---- what is done under injection ---- */

static struct {
  char name[CACHE_NAME_MAX];
  struct model models[5]; /* by generation number */
  uint64_t committed;
  bool retained;
} run;

static int write_generation(struct cache *cache, uint64_t parent,
                            struct hwckpt_error *error) {
  struct cache_write_options options = {parent, 0};
  struct cache_writer *writer;
  struct model *model = &run.models[run.committed + 1];
  *model = run.models[parent];
  model->pages = 1024;
  int result = cache_begin(cache, run.name, &options, &writer, error);
  if (result < 0)
    return result;
  size_t first = parent ? 100 : 0;
  /* The first is several writes at the same time; a segment they all need. */
  result = unit_put(writer, model, first, run.committed ? 70 : 530,
                    1 + (unsigned)parent, error);
  if (result == 0)
    result = cache_put_record(writer, 1, "record", 6, error);
  /* A writer that failed fails for good, and says so as at first. */
  if (result < 0) {
    CHECK(cache_put_record(writer, 1, "record", 6, NULL) == result);
    CHECK(cache_put_hole(writer, 0, 4096, NULL) == result);
    CHECK(cache_commit(writer, NULL, NULL) == result);
    return result;
  }
  result = cache_commit(writer, NULL, error);
  if (result == 0)
    run.committed++;
  return result;
}

static int see_generation(const struct cache_generation *generation, int damage,
                          void *context) {
  (void)generation;
  (void)context;
  CHECK(damage == 0);
  return 0;
}

static int see_application(const struct cache_application *application,
                           void *context) {
  (void)application;
  (void)context;
  return 0;
}

/* A merge that fails leaves what was there; in vain it may have been. */
static int merge(struct cache *cache, struct hwckpt_error *error) {
  bool merged;
  int result = unit_merge(cache, run.name, &merged, error);
  CHECK(merged || result < 0 || plan.hit);
  return result;
}

static int do_all(const char *path, struct hwckpt_error *error) {
  struct cache *cache;
  unsigned count;
  int result = cache_open(&env, path, true, &cache, error);
  if (result < 0)
    return result;
  result = cache_new_application(cache, "program", run.name, error);
  if (result == 0)
    result = write_generation(cache, 0, error);
  if (result == 0)
    result = write_generation(cache, 1, error);
  if (result == 0)
    result = unit_compare(cache, run.name, 2, &run.models[2], error);
  if (result == 0)
    result = cache_count_restore(cache, run.name, 2, &count, error);
  if (result == 0)
    result =
        cache_each_generation(cache, run.name, see_generation, NULL, error);
  if (result == 0)
    result = cache_each_application(cache, see_application, NULL, error);
  if (result == 0)
    result = write_generation(cache, 0, error);
  if (result == 0)
    result = write_generation(cache, 3, error);
  if (result == 0)
    result = merge(cache, error);
  if (result == 0)
    result = unit_compare(cache, run.name, 4, &run.models[4], error);
  if (result == 0)
    result = cache_verify(cache, run.name, 4, error);
  if (result == 0) {
    run.retained = true;
    result = unit_retain(cache, run.name, 1, error);
  }
  cache_close(cache);
  return result;
}

/* ---- what must hold afterwards ---- */

static int check_generation(const struct cache_generation *generation,
                            int damage, void *context) {
  CHECK(damage == 0);
  CHECK(generation->number <= *(uint64_t *)context);
  *(uint64_t *)context |= UINT64_C(1) << (32 + generation->number);
  return 0;
}

static void check_names(const char *path) {
  char below[1200];
  snprintf(below, sizeof(below), "%s/%s", path, run.name);
  DIR *directory = opendir(below);
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    CHECK(!strstr(entry->d_name, ".tmp"));
  if (directory)
    closedir(directory);
}

static void check_after(const char *path) {
  struct cache *cache;
  struct hwckpt_error error;
  int result = cache_open(&unit_env, path, false, &cache, &error);
  if (result < 0) {
    CHECK(result == -HWCKPT_E_CACHE_MISSING && run.committed == 0);
    /* Creation can be taken up again. */
    CHECK_OK(cache_open(&unit_env, path, true, &cache, &unit_error));
  }
  if (run.committed) {
    /* Whoever dies in the middle may have come just behind the rename. */
    uint64_t most = run.committed + (plan.mode == DEAD_FROM_HERE);
    uint64_t seen = most;
    CHECK_OK(cache_each_generation(cache, run.name, check_generation, &seen,
                                   &unit_error));
    for (uint64_t number = 1; number <= most; number++) {
      bool there = seen >> (32 + number) & 1;
      if (number == run.committed || (number < run.committed && !run.retained))
        CHECK(there);
      if (there)
        CHECK_OK(unit_compare(cache, run.name, number, &run.models[number],
                              &unit_error));
    }
    /* Nor can anything be removed from what is read-only. */
    if (plan.mode != DEAD_FROM_HERE &&
        (plan.mode != REFUSES_FROM_HERE || plan.error != EROFS))
      check_names(path);
  }
  cache_close(cache);
}

/* Strikes at call after call, or every step-th, until one run goes through
 * unharmed. */
static void try_all(enum mode mode, int error_number, int step,
                    const char *what) {
  int descriptors = unit_descriptors();
  unsigned failures = 0;
  long call;
  for (call = 0;; call += step) {
    char below[64];
    snprintf(below, sizeof(below), "%s-%ld/cache", what, call);
    char path[1024];
    snprintf(path, sizeof(path), "%s", unit_path(below));
    memset(&run, 0, sizeof(run));
    plan.mode = mode;
    plan.error = error_number;
    plan.left = call;
    plan.hit = plan.needed = false;
    struct hwckpt_error error = {0};
    int result = do_all(path, &error);
    CHECK(unit_mapped() == 0);
    if (result < 0) {
      CHECK(plan.hit && result == -(int)error.code && error.object[0]);
      CHECK(mode != SHORT_ONCE);
      CHECK(error.code == (error_number == ENOSPC || error_number == EDQUOT
                               ? HWCKPT_E_CACHE_FULL
                               : HWCKPT_E_CACHE_IO));
      CHECK(error.sys_errno == error_number);
      failures++;
    } else if (mode == SHORT_ONCE || !plan.hit) {
      CHECK(run.committed == 4);
    }
    CHECK(result < 0 || !plan.needed);
    check_after(path);
    CHECK(unit_mapped() == 0);
    CHECK(unit_descriptors() == descriptors ||
          /* a dead process closes nothing by itself here */
          mode == DEAD_FROM_HERE);
    unit_remove_tree(path);
    if (!plan.hit)
      break;
  }
  printf("%s: %ld calls, %u failures\n", what, call, failures);
  CHECK(call > 80);
  CHECK(mode == SHORT_ONCE || (int)failures > 60 / step);
}

/* Named kinds only, or all. */
int main(int argc, char **argv) {
  static const struct {
    const char *what;
    enum mode mode;
    int error;
    int step;
  } kinds[] = {{"EIO", FAIL_ONCE, EIO, 1},
               {"ENOSPC", FAIL_ONCE, ENOSPC, 5},
               {"EDQUOT", FAIL_ONCE, EDQUOT, 7},
               {"EROFS", FAIL_ONCE, EROFS, 7},
               {"short", SHORT_ONCE, 0, 3},
               {"dead", DEAD_FROM_HERE, EIO, 2},
               {"full", REFUSES_FROM_HERE, ENOSPC, 3},
               {"read-only", REFUSES_FROM_HERE, EROFS, 3}};
  const char *stress = getenv("HWCKPT_STRESS");
  bool all = stress && *stress == '1';
  /* Thousands of small files: where there is no device to wait for. */
  if (access("/dev/shm", W_OK) == 0)
    setenv("TMPDIR", "/dev/shm", 1);
  unit_folder();
  unit_queue_pwrite = io_pwrite;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    if (argc < 2 || strcmp(argv[1], kinds[i].what) == 0)
      try_all(kinds[i].mode, kinds[i].error, all ? 1 : kinds[i].step,
              kinds[i].what);
  return 0;
}
