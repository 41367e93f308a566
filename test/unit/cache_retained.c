/* What retention removes, it removes for good reasons whatever happens on the
 * way: killed at any of its calls, or in the merge before it, or refused any of
 * them, it leaves all that is kept, each that is left with what it builds on;
 * what was to go goes the next time, and so does its flash. The same where the
 * newest, which was just merged, or what the others build on, turns out to be
 * damaged; and while somebody reads nothing goes.
 * At every 11th call, or every so many as is said; HWCKPT_STRESS=1: each. */
// RUN: %unit/cache_retained
// RUN: env UNIT_KEY=1 %unit/cache_retained 31
// RUN: %unit/sanitized/cache_retained 41
#include "Inputs/unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- calls that fail, or are the last ---- */

static struct {
  bool armed, kills;
  long left; /* calls until then */
  bool hit;
} plan;

static bool strike(void) {
  if (!plan.armed || plan.left-- > 0)
    return false;
  if (plan.kills)
    _exit(0);
  plan.armed = false;
  plan.hit = true;
  return true;
}

#define INJECT(call) return strike() ? -EIO : cache_io_kernel.call

static int io_openat(int fd, const char *path, int flags, unsigned mode) {
  INJECT(openat(fd, path, flags, mode));
}
static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  INJECT(pread(fd, buffer, length, offset));
}
static long io_pwrite(int fd, const void *buffer, size_t length,
                      uint64_t offset) {
  INJECT(pwrite(fd, buffer, length, offset));
}
static int io_fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
  INJECT(fallocate(fd, mode, offset, length));
}
static int io_ftruncate(int fd, uint64_t length) {
  INJECT(ftruncate(fd, length));
}
/* No power is lost here. */
static int io_fdatasync(int fd) { INJECT(fstat(fd, &(struct stat){0})); }
static int io_fsync(int fd) { INJECT(fstat(fd, &(struct stat){0})); }
static int io_renameat(int from_fd, const char *from, int to_fd,
                       const char *to) {
  INJECT(renameat(from_fd, from, to_fd, to));
}
static int io_unlinkat(int fd, const char *path, int flags) {
  INJECT(unlinkat(fd, path, flags));
}
static int io_fstat(int fd, struct stat *status) { INJECT(fstat(fd, status)); }
static long io_getdents(int fd, void *buffer, size_t length) {
  INJECT(getdents(fd, buffer, length));
}
static int io_flock(int fd, int operation) { INJECT(flock(fd, operation)); }

static struct cache_io io;
static struct cache_env env = {.io = &io, .map = unit_map, .unmap = unit_unmap};

/* ---- three chains ---- */

enum { NEWEST = 8, PAGES = 40 /* too many for the generation's own file */ };
static const uint64_t parents[NEWEST + 1] = {0, 0, 1, 0, 3, 4, 0, 6, 7};
static struct model models[NEWEST + 1];
static struct cache *cache;
static char name[CACHE_NAME_MAX];

static void open_cache(const struct cache_env *with) {
  CHECK_OK(cache_open(with, unit_path("cache"), true, &cache, &unit_error));
}

/* As a program that began anew: nothing is remembered. */
static void open_again(const struct cache_env *with) {
  cache_close(cache);
  open_cache(with);
}

static void write_chains(void) {
  CHECK_OK(cache_new_application(cache, "retained", name, &unit_error));
  for (uint64_t number = 1; number <= NEWEST; number++) {
    struct cache_write_options options = {parents[number], 0};
    struct cache_writer *writer;
    models[number] = models[parents[number]];
    models[number].pages = 512;
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &models[number], number * 20, PAGES,
                      (unsigned)number, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
  }
}

static void merge(void) {
  bool merged;
  CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
}

static const char *file(const char *base) {
  char below[256];
  snprintf(below, sizeof(below), "cache/%s/%s", name, base);
  return unit_path(below);
}

/* A bit of the index, which is behind the header: what headers and commit
 * records do not show. */
static void damage(uint64_t number) {
  char base[64];
  unsigned char *bytes;
  snprintf(base, sizeof(base), "g%010llu.ckpt", (unsigned long long)number);
  size_t length = unit_read_file(file(base), &bytes);
  bytes[24 + bytes[12]] ^= 1;
  unit_write_file(file(base), bytes, length);
  free(bytes);
}

/* ---- what is there ---- */

struct list {
  char text[64];
};

static int collect(const struct cache_generation *generation, int damaged,
                   void *context) {
  struct list *list = context;
  sprintf(list->text + strlen(list->text), "%llu",
          (unsigned long long)generation->number);
  (void)damaged;
  return 0;
}

static struct list listed(void) {
  struct list list = {""};
  CHECK_OK(cache_each_generation(cache, name, collect, &list, &unit_error));
  return list;
}

/* Those that are whole say what they said. */
static void check_whole(const char *numbers) {
  for (; *numbers; numbers++) {
    uint64_t number = (uint64_t)(*numbers - '0');
    CHECK_OK(cache_check(cache, name, number, &unit_error));
    CHECK_OK(unit_compare(cache, name, number, &models[number], &unit_error));
  }
}

static uint64_t flash(void) {
  uint64_t bytes = 0;
  DIR *directory = opendir(file(""));
  CHECK(directory);
  for (struct dirent *entry; (entry = readdir(directory));) {
    struct stat status;
    if (strstr(entry->d_name, ".seg") &&
        stat(file(entry->d_name), &status) == 0)
      bytes += (uint64_t)status.st_blocks * 512;
  }
  closedir(directory);
  return bytes;
}

/* ---- cases ---- */

struct damaged_case {
  uint64_t damaged;  /* whose index; 0: none */
  const char *left;  /* when two bases are kept */
  const char *whole; /* of them */
};

static const struct damaged_case cases[] = {
    {0, "678", "678"},
    {8, "345678", "34567"}, /* the newest, a base */
    {7, "678", "68"},
    {6, "345678", "3458"}, /* a base, and what builds on it */
};

static bool exact; /* of a file system that counts what it has at once */

static void prepare(const struct damaged_case *at) {
  write_chains();
  merge();
  open_again(&env); /* what was allocated ahead is given back */
  if (at->damaged)
    damage(at->damaged);
}

/* All is as when nothing had happened. */
static void check_after(const struct damaged_case *at, uint64_t wanted) {
  open_again(&unit_env);
  check_whole(at->whole);
  struct list before = listed();
  for (const char *kept = at->left; *kept; kept++)
    CHECK(strchr(before.text, *kept));
  for (const char *left = before.text; *left; left++) {
    char one[] = {*left, 0};
    if (!strchr(at->left, *left))
      check_whole(one);
  }
  CHECK_OK(unit_retain(cache, name, 2, &unit_error));
  struct list after = listed();
  if (strcmp(after.text, at->left) != 0) {
    fprintf(stderr, "%s are left, not %s\n", after.text, at->left);
    exit(1);
  }
  check_whole(at->whole);
  if (exact && !at->damaged)
    CHECK(flash() <= wanted);
  unit_remove_tree(file(""));
  open_again(&env);
}

/* What it takes when nothing happens. */
static uint64_t undisturbed(const struct damaged_case *at) {
  prepare(at);
  CHECK_OK(unit_retain(cache, name, 2, &unit_error));
  uint64_t bytes = flash();
  CHECK(strcmp(listed().text, at->left) == 0);
  check_whole(at->whole);
  unit_remove_tree(file(""));
  open_again(&env);
  return bytes;
}

static void read_meanwhile(const struct damaged_case *at, uint64_t wanted) {
  struct cache_reader *reader;
  prepare(at);
  struct list before = listed();
  CHECK_OK(cache_reader_open(cache, name, 1, &reader, &unit_error));
  CHECK_OK(unit_retain(cache, name, 2, &unit_error));
  CHECK(strcmp(listed().text, before.text) == 0);
  check_whole("12");
  cache_reader_close(reader);
  check_after(at, wanted);
}

static void arm(bool kills, long call) {
  plan.armed = true;
  plan.kills = kills;
  plan.left = call;
  plan.hit = false;
}

/* In a process that dies at that call; false: it came through. */
static bool dies(void (*act)(void), long call) {
  pid_t child = fork();
  int status;
  CHECK(child >= 0);
  if (child == 0) {
    open_cache(&env); /* the parent's handle is another's */
    arm(true, call);
    act();
    _exit(1);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) <= 1);
  return WEXITSTATUS(status) == 0;
}

static void retain(void) { unit_retain(cache, name, 2, NULL); }

static void merge_and_retain(void) {
  bool merged;
  unit_merge(cache, name, &merged, NULL);
  retain();
}

/* At every step-th call. */
static void kill_retaining(const struct damaged_case *at, uint64_t wanted,
                           long step) {
  long call = 0;
  for (bool died = true; died; call += step) {
    prepare(at);
    died = dies(retain, call);
    check_after(at, wanted);
  }
  printf("damaged %d: killed at %ld calls\n", (int)at->damaged, call / step);
  CHECK(call > 100);
}

static void refuse_retaining(const struct damaged_case *at, uint64_t wanted,
                             long step) {
  unsigned failures = 0;
  long call = 0;
  for (bool hit = true; hit; call += step) {
    prepare(at);
    arm(false, call);
    failures += unit_retain(cache, name, 2, NULL) < 0;
    hit = plan.hit;
    plan.armed = false;
    check_after(at, wanted);
  }
  printf("damaged %d: %u failures of %ld calls\n", (int)at->damaged, failures,
         call / step);
  CHECK(failures > 0);
}

/* A program that dies between the two has one base more, until the next. */
static void kill_merging(uint64_t wanted, long step) {
  long call = 0;
  for (bool died = true; died; call += step) {
    write_chains();
    open_again(&env);
    died = dies(merge_and_retain, call);
    check_whole("678");
    merge();
    check_after(&cases[0], wanted);
  }
  printf("killed at %ld calls of a merge and what follows it\n", call / step);
  CHECK(call > 200);
}

int main(int argc, char **argv) {
  const char *stress = getenv("HWCKPT_STRESS");
  long step = stress && *stress == '1' ? 1 : 11;
  if (argc > 1)
    step = strtol(argv[1], NULL, 10);
  /* Thousands of small files: where there is no device to wait for. */
  exact = access("/dev/shm", W_OK) == 0;
  if (exact)
    setenv("TMPDIR", "/dev/shm", 1);
  io = cache_io_kernel;
  io.openat = io_openat;
  io.pread = io_pread;
  io.pwrite = io_pwrite;
  io.fallocate = io_fallocate;
  io.ftruncate = io_ftruncate;
  io.fdatasync = io_fdatasync;
  io.fsync = io_fsync;
  io.renameat = io_renameat;
  io.unlinkat = io_unlinkat;
  io.fstat = io_fstat;
  io.getdents = io_getdents;
  io.flock = io_flock;
  unit_queue_pwrite = io_pwrite;
  unit_use_queue(&io);
  open_cache(&env);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    uint64_t wanted = undisturbed(&cases[i]);
    read_meanwhile(&cases[i], wanted);
    kill_retaining(&cases[i], wanted, step);
    refuse_retaining(&cases[i], wanted, step);
    if (i == 0)
      kill_merging(wanted, step);
  }
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
