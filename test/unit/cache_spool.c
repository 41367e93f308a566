/* Hashes of more pages than are kept in memory lie in a file without a name
 * until the commit: they are right when they are told and when they are
 * committed; each operation on that file may fail, which fails the generation
 * and harms none before it; nothing of it stays, whoever dies. Few pages, and
 * encrypted ones, have no such file. */
// RUN: %unit/cache_spool
// RUN: env UNIT_KEY=1 %unit/cache_spool
// RUN: %unit/sanitized/cache_spool
#include "Inputs/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NAME "hashes.tmp"
#define IN_MEMORY 4096u /* pages whose hashes are */
#define PAGES 24000u

/* ---- operations on the file, of which one may fail ---- */

enum operation { NONE, CREATE, UNLINK, WRITE, READ, CLOSE };
enum how { FAILS, SHORT, NOTHING, ALTERED, KILLED };

static struct {
  enum operation operation;
  enum how how;
  int error;
  long left; /* operations of that kind until then */
  bool hit;
} plan;

static int file = -1; /* its descriptor */
static unsigned made;

static bool strike(enum operation operation) {
  if (plan.operation != operation || plan.left-- != 0)
    return false;
  plan.hit = true;
  if (plan.how == KILLED)
    raise(SIGKILL);
  return true;
}

static int io_openat(int fd, const char *path, int flags, unsigned mode) {
  if (strcmp(path, FILE_NAME) != 0)
    return cache_io_kernel.openat(fd, path, flags & ~O_DIRECT, mode);
  if (strike(CREATE))
    return -plan.error;
  CHECK(file < 0);
  made++;
  return file = cache_io_kernel.openat(fd, path, flags, mode);
}
static int io_unlinkat(int fd, const char *path, int flags) {
  if (strcmp(path, FILE_NAME) == 0 && strike(UNLINK))
    return -plan.error;
  return cache_io_kernel.unlinkat(fd, path, flags);
}
static int io_close(int fd) {
  if (fd == file) {
    file = -1;
    strike(CLOSE); /* closes even so, as the kernel does */
  }
  return cache_io_kernel.close(fd);
}
static long io_pwrite(int fd, const void *buffer, size_t length,
                      uint64_t offset) {
  if (fd == file && strike(WRITE)) {
    if (plan.how == FAILS)
      return -plan.error;
    length = plan.how == NOTHING ? 0 : length / 3;
  }
  return length ? cache_io_kernel.pwrite(fd, buffer, length, offset) : 0;
}
static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  bool struck = fd == file && strike(READ);
  if (struck && plan.how == FAILS)
    return -plan.error;
  if (struck && plan.how == NOTHING)
    return 0;
  if (struck && plan.how == SHORT)
    length /= 3;
  long got = cache_io_kernel.pread(fd, buffer, length, offset);
  if (struck && plan.how == ALTERED)
    ((unsigned char *)buffer)[length / 2] ^= 4;
  return got;
}
static int io_sync(int fd) {
  (void)fd;
  return 0; /* no power is lost here */
}

static struct cache_io io;
static const struct cache_env env = {
    .io = &io, .map = unit_map, .unmap = unit_unmap};

/* ---- a program of many pages ---- */

static struct cache *cache;
static char name[CACHE_NAME_MAX];
static unsigned version[PAGES];
static uint64_t number; /* the newest generation */
static unsigned noise;  /* words of it in each page: 0: all fit one file */

static void reopen(void) {
  cache_close(cache);
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
}

static int put(struct cache_writer *writer, size_t first, size_t count,
               unsigned with, struct hwckpt_error *error) {
  static uint64_t pages[64][CACHE_PAGE_SIZE / 8];
  int result = 0;
  for (size_t done = 0, part; done < count && result == 0; done += part) {
    part = count - done < 64 ? count - done : 64;
    for (size_t i = 0; i < part; i++) {
      pages[i][0] = first + done + i;
      pages[i][1] = with;
      for (unsigned j = 0; j < noise; j++)
        pages[i][2 + j] =
            ((first + done + i) * 64 + j + with) * UINT64_C(0x9e3779b97f4a7c15);
    }
    result =
        cache_put_pages(writer, UNIT_BASE + (first + done) * CACHE_PAGE_SIZE,
                        pages, part, error);
  }
  return result;
}

static void note(size_t first, size_t count, unsigned with) {
  for (size_t i = first; i < first + count; i++)
    version[i] = with;
}

static struct cache_writer *begin(uint64_t parent) {
  const struct cache_write_options options = {parent, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  return writer;
}

/* Pages that the log had. */
static uint64_t commit(struct cache_writer *writer) {
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  number = generation.number;
  return generation.same_pages;
}

static uint64_t write_generation(uint64_t parent, size_t first, size_t count,
                                 unsigned with) {
  struct cache_writer *writer = begin(parent);
  CHECK_OK(put(writer, first, count, with, &unit_error));
  note(first, count, with);
  return commit(writer);
}

static int compare(uint64_t address, const void *data, size_t count,
                   void *context) {
  const uint64_t *at = data;
  size_t first = (size_t)((address - UNIT_BASE) / CACHE_PAGE_SIZE);
  for (size_t i = 0; i < count; i++, at += CACHE_PAGE_SIZE / 8)
    CHECK(at[0] == first + i && at[1] == version[first + i]);
  *(size_t *)context += count;
  return 0;
}

/* What it holds, and that the hashes of pages are theirs. */
static void check(size_t pages) {
  struct cache_range all = {UNIT_BASE, UNIT_BASE + PAGES * CACHE_PAGE_SIZE};
  struct cache_reader *reader;
  size_t seen = 0;
  CHECK_OK(cache_reader_open(cache, name, number, &reader, &unit_error));
  CHECK_OK(cache_replay(reader, &all, 1, compare, &seen, &unit_error));
  CHECK(seen == pages);
  cache_reader_close(reader);
  CHECK_OK(cache_verify(cache, name, number, &unit_error));
}

static unsigned temporaries(void) {
  char below[CACHE_NAME_MAX + 8];
  unsigned count = 0;
  snprintf(below, sizeof(below), "cache/%s", name);
  DIR *directory = opendir(unit_path(below));
  CHECK(directory);
  for (struct dirent *entry; (entry = readdir(directory));)
    count += strstr(entry->d_name, ".tmp") != NULL;
  closedir(directory);
  return count;
}

/* What is known loses the odd page (content.c), as chance has it. */
static bool nearly_all(uint64_t pages) {
  return pages <= PAGES && pages >= PAGES - PAGES / 500;
}

static bool is_sealed(void) { return getenv("UNIT_KEY") != NULL; }

/* ---- the tests ---- */

/* From the first page on that has no room in memory. */
static void when_it_is_made(void) {
  write_generation(0, 0, IN_MEMORY, 1);
  CHECK(made == 0);
  struct cache_writer *writer = begin(0);
  CHECK_OK(put(writer, 0, IN_MEMORY, 2, &unit_error));
  CHECK(made == 0);
  CHECK_OK(put(writer, IN_MEMORY, 1, 2, &unit_error));
  CHECK(made == !is_sealed() && (file >= 0) == !is_sealed());
  CHECK(temporaries() == 0);
  note(0, IN_MEMORY + 1, 2);
  commit(writer);
  CHECK(file < 0);
  check(IN_MEMORY + 1);
}

/* What was committed is known again to who reads it back. */
static void all_are_known(void) {
  CHECK(write_generation(0, 0, PAGES, 3) == 0);
  check(PAGES);
  reopen();
  unsigned before = made;
  struct cache_writer *writer = begin(0);
  for (size_t first = PAGES; first; first -= 100)
    CHECK_OK(put(writer, first - 100, 100, 3, &unit_error));
  CHECK(nearly_all(commit(writer)));
  CHECK(made == before); /* it has none of its own */
  check(PAGES);
}

/* A merge puts the hashes of what it copies before those it takes over. */
static void merged(void) {
  bool merged;
  struct cache_writer *writer = begin(number);
  for (size_t i = 0; i < PAGES; i += 4) {
    CHECK_OK(put(writer, i, 3, 4, &unit_error));
    note(i, 3, 4);
  }
  commit(writer);
  unsigned before = made;
  CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
  CHECK(merged && made == before + !is_sealed() && file < 0);
  check(PAGES);
  reopen();
  writer = begin(0);
  for (size_t i = 0; i < PAGES; i++)
    CHECK_OK(put(writer, i, 1, version[i], &unit_error));
  CHECK(nearly_all(commit(writer)));
  check(PAGES);
}

/* Another part reads of it what is not committed yet. */
static void published(bool fails) {
  struct cache_relatives relatives = {.published = {true}};
  const struct cache_write_options options = {0, 1};
  static unsigned with = 10;
  char part[CACHE_NAME_MAX + 16];
  struct cache *other;
  struct cache_writer *of_part;
  struct cache_generation generation;
  with++;
  snprintf(part, sizeof(part), "%s/m%u-01234567", name, with);
  memcpy(relatives.names[0], name, sizeof(relatives.names[0]));
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &other, &unit_error));
  CHECK_OK(cache_use_application(other, part, &unit_error));
  struct cache_writer *writer = begin(number);
  CHECK_OK(put(writer, 0, PAGES, with, &unit_error));
  if (fails) {
    plan.operation = READ;
    plan.how = ALTERED;
    plan.left = 0;
    plan.hit = false;
    CHECK_ERROR(cache_publish(writer, &unit_error), CACHE_IO);
    CHECK(plan.hit && cache_commit(writer, NULL, NULL) == -HWCKPT_E_CACHE_IO);
    plan.operation = NONE;
  } else {
    CHECK_OK(cache_publish(writer, &unit_error));
    cache_set_relatives(other, &relatives);
    CHECK_OK(cache_begin(other, part, &options, &of_part, &unit_error));
    CHECK_OK(put(of_part, 0, PAGES, with, &unit_error));
    CHECK_OK(cache_commit(of_part, &generation, &unit_error));
    CHECK(nearly_all(generation.same_pages));
    CHECK_OK(cache_verify(other, part, 1, &unit_error));
    note(0, PAGES, with);
    commit(writer);
  }
  CHECK(temporaries() == 0 && file < 0);
  check(PAGES);
  cache_close(other);
}

/* Whether the generation failed, as the plan wants. */
static bool try_once(unsigned with) {
  struct hwckpt_error error = {0};
  reopen();
  int descriptors = unit_descriptors();
  struct cache_writer *writer = begin(number);
  int result = put(writer, 0, PAGES, with, &error);
  /* It is so from then on. */
  if (result < 0)
    CHECK(put(writer, 0, 1, 1, NULL) == result &&
          cache_commit(writer, NULL, NULL) == result);
  else
    result = cache_commit(writer, NULL, &error);
  CHECK(file < 0);
  reopen();
  CHECK(unit_descriptors() == descriptors);
  CHECK(result == 0 || result == -(int)error.code);
  if (result == 0) {
    note(0, PAGES, with);
    number++;
  } else {
    CHECK(strstr(error.object, "/" FILE_NAME));
    if (plan.how == FAILS)
      CHECK(error.sys_errno == plan.error);
    CHECK(error.code == (plan.how == FAILS && plan.error == ENOSPC
                             ? HWCKPT_E_CACHE_FULL
                             : HWCKPT_E_CACHE_IO));
  }
  return result < 0;
}

static void failures(void) {
  static const struct {
    enum operation operation;
    enum how how;
    int error;
    bool matters;
    unsigned count; /* operations of the kind */
  } kinds[] = {
      {CREATE, FAILS, EIO, true, 1},    {CREATE, FAILS, ENOSPC, true, 1},
      {CREATE, FAILS, EMFILE, true, 1}, {UNLINK, FAILS, EIO, false, 1},
      {WRITE, FAILS, EIO, true, 5},     {WRITE, FAILS, ENOSPC, true, 5},
      {WRITE, FAILS, EINTR, false, 6},  {WRITE, SHORT, 0, false, 6},
      {WRITE, NOTHING, 0, true, 5},     {READ, FAILS, EIO, true, 2},
      {READ, FAILS, EINTR, false, 3},   {READ, SHORT, 0, false, 3},
      {READ, NOTHING, 0, true, 2},      {READ, ALTERED, 0, true, 2},
      {CLOSE, FAILS, EIO, false, 1},
  };
  unsigned with = 100;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    for (unsigned at = 0;; at++) {
      plan.operation = kinds[i].operation;
      plan.how = kinds[i].how;
      plan.error = kinds[i].error;
      plan.left = at;
      plan.hit = false;
      bool failed = try_once(++with);
      bool hit = plan.hit;
      plan.operation = NONE;
      CHECK(failed == (hit && kinds[i].matters));
      CHECK(temporaries() == 0);
      if (failed || at == 0)
        check(PAGES);
      if (!hit) {
        CHECK(at >= 1 && at <= kinds[i].count);
        break;
      }
    }
  CHECK(with > 100 + sizeof(kinds) / sizeof(kinds[0]));
}

/* Whoever dies while it has a name leaves an empty file to the next writer. */
static void killed(enum operation operation) {
  int status;
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    plan.operation = operation;
    plan.how = KILLED;
    plan.left = 0;
    struct cache_writer *writer = begin(number);
    put(writer, 0, PAGES, 6, NULL);
    cache_commit(writer, NULL, NULL);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  /* Where reading begins, the generation's own file is there too. */
  CHECK(temporaries() == (operation == UNLINK || operation == READ));
  check(PAGES);
  write_generation(number, 0, 10, 7);
  CHECK(temporaries() == 0);
  check(PAGES);
}

int main(void) {
  io = cache_io_kernel;
  io.openat = io_openat;
  io.unlinkat = io_unlinkat;
  io.close = io_close;
  io.pwrite = io_pwrite;
  io.pread = io_pread;
  io.fdatasync = io_sync;
  io.fsync = io_sync;
  /* Files are written again and again: where no device waits for it. */
  if (access("/dev/shm", W_OK) == 0)
    setenv("TMPDIR", "/dev/shm", 1);
  reopen();
  CHECK_OK(cache_new_application(cache, "spool", name, &unit_error));
  when_it_is_made();
  noise = 16;
  all_are_known();
  merged();
  published(false);
  if (is_sealed()) {
    CHECK(made == 0);
  } else {
    published(true);
    failures();
    killed(UNLINK);
    killed(WRITE);
    killed(READ);
  }
  printf("%u files, %llu generations\n", made, (unsigned long long)number);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
