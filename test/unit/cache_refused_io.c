/* Where the file system refuses O_DIRECT (when opening, or only when writing),
 * refuses to allocate ahead or to punch holes, or writes less than asked and
 * not to a page's end, the cache works all the same; so it does where the
 * kernel, a container's filter of system calls, or the file system refuses
 * io_uring, where openat2() is refused (no link is followed all the same), and
 * on a file system in memory. */
// RUN: %unit/cache_refused_io
// RUN: env UNIT_KEY=1 %unit/cache_refused_io
// RUN: %unit/sanitized/cache_refused_io
#include "Inputs/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
  bool open, write, fallocate, short_writes;
  int queue;       /* what opening one returns */
  int queue_write; /* and beginning a write */
  long queued;     /* and a write under way: its result, or bytes it wrote */
} refuse;
static unsigned direct_writes, refused, queued;

static int io_openat(int fd, const char *path, int flags, unsigned mode) {
  if (flags & O_DIRECT && refuse.open) {
    refused++;
    /* As some do: the file is made, but not opened. */
    if (flags & O_CREAT)
      cache_io_kernel.close(
          cache_io_kernel.openat(fd, path, flags & ~O_DIRECT, mode));
    return -EINVAL;
  }
  return cache_io_kernel.openat(fd, path, flags, mode);
}

static long io_pwrite(int fd, const void *buffer, size_t length,
                      uint64_t offset) {
  bool direct = fcntl(fd, F_GETFL) & O_DIRECT;
  direct_writes += direct;
  if (direct && refuse.write) {
    refused++;
    return -EINVAL;
  }
  if (refuse.short_writes && length > 8192) {
    refused++;
    cache_io_kernel.pwrite(fd, buffer, 8192, offset);
    return 5000;
  }
  if (direct)
    CHECK(((uintptr_t)buffer | length | offset) % 4096 == 0);
  return cache_io_kernel.pwrite(fd, buffer, length, offset);
}

static int io_fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
  if (refuse.fallocate) {
    refused++;
    return -EOPNOTSUPP;
  }
  return cache_io_kernel.fallocate(fd, mode, offset, length);
}

static int io_queue_open(void *queue) {
  refused += refuse.queue != 0;
  return refuse.queue ? refuse.queue : unit_queue_open(queue);
}

static int io_queue_write(void *queue, int fd, const void *buffer,
                          size_t length, uint64_t offset, unsigned tag) {
  refused += refuse.queue_write != 0;
  queued += refuse.queue_write == 0;
  return refuse.queue_write
             ? refuse.queue_write
             : unit_queue_write(queue, fd, buffer, length, offset, tag);
}

/* A write under way. */
static long queue_pwrite(int fd, const void *buffer, size_t length,
                         uint64_t offset) {
  if (refuse.queued == 0)
    return cache_io_kernel.pwrite(fd, buffer, length, offset);
  refused++;
  if (refuse.queued > 0) /* the rest of the page is lost */
    cache_io_kernel.pwrite(fd, buffer, (size_t)refuse.queued & ~4095ul, offset);
  return refuse.queued;
}

/* The kernel's own, counted. */
static int count_queue_write(void *queue, int fd, const void *buffer,
                             size_t length, uint64_t offset, unsigned tag) {
  int result =
      cache_io_kernel.queue_write(queue, fd, buffer, length, offset, tag);
  queued += result == 0;
  return result;
}

static void write_all(struct cache *cache) {
  static struct model model;
  char name[CACHE_NAME_MAX];
  model = (struct model){.pages = 2048};
  refused = 0;
  CHECK_OK(cache_new_application(cache, "refused", name, &unit_error));
  for (uint64_t number = 1; number <= 3; number++) {
    struct cache_write_options options = {number - 1, 0};
    struct cache_writer *writer;
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &model, 300 * number, 700, (unsigned)number,
                      &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
    CHECK_OK(unit_compare(cache, name, number, &model, &unit_error));
    CHECK_OK(cache_verify(cache, name, number, &unit_error));
  }
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK_OK(unit_compare(cache, name, 3, &model, &unit_error));
}

static void refuse_queue(struct cache_io *io, const struct cache_env *env) {
  static const struct {
    int open, write;
    long queued;
  } kinds[] = {{-ENOSYS, 0, 0},     {-EPERM, 0, 0},  {0, -EBUSY, 0},
               {0, 0, -EAGAIN},     {0, 0, -EINTR},  {0, 0, -ECANCELED},
               {0, 0, -EOPNOTSUPP}, {0, 0, -EINVAL}, {0, 0, 5000},
               {0, 0, 8192},        {0, 0, 0}};
  io->queue_open = io_queue_open;
  io->queue_write = io_queue_write;
  io->queue_wait = unit_queue_wait;
  io->queue_close = unit_queue_close;
  unit_queue_pwrite = queue_pwrite;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    struct cache *cache; /* each finds out for itself */
    refuse.queue = kinds[i].open;
    refuse.queue_write = kinds[i].write;
    refuse.queued = kinds[i].queued;
    queued = 0;
    CHECK_OK(cache_open(env, unit_path("cache"), true, &cache, &unit_error));
    write_all(cache);
    bool is_refused = kinds[i].open || kinds[i].write || kinds[i].queued;
    CHECK(is_refused == (refused > 0));
    CHECK((kinds[i].open || kinds[i].write) == (queued == 0));
    cache_close(cache);
  }
}

/* A symbolic link in place of a file of the cache. */
static void follow_nothing(struct cache *cache) {
  const struct cache_write_options options = {0, 0};
  struct cache_writer *writer;
  char name[CACHE_NAME_MAX], lock[64];
  CHECK_OK(cache_new_application(cache, "linked", name, &unit_error));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  snprintf(lock, sizeof(lock), "cache/%s/lock", name);
  CHECK(rename(unit_path(lock), unit_path("moved")) == 0);
  CHECK(symlink(unit_path("moved"), unit_path(lock)) == 0);
  CHECK_ERROR(cache_begin(cache, name, &options, &writer, &unit_error),
              CACHE_IO);
  CHECK(unit_error.sys_errno == ELOOP);
}

/* Fails where the system call is not refused, or the cache does not work. */
static void under_filter(long call, int error) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  pid_t child = fork();
  int status;
  if (child == 0) {
    struct cache *cache;
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    CHECK(syscall(call, 0, NULL, NULL, 0) == -1 && errno == error);
    CHECK_OK(
        cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
    write_all(cache);
    follow_nothing(cache);
    cache_close(cache);
    _exit(0);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void in_memory(void) {
  char path[] = "/dev/shm/hwckpt-unit-XXXXXX", below[64];
  struct cache *cache;
  if (!mkdtemp(path))
    return;
  snprintf(below, sizeof(below), "%s/cache", path);
  CHECK_OK(cache_open(&unit_env, below, true, &cache, &unit_error));
  write_all(cache);
  cache_close(cache);
  unit_remove_tree(path);
}

int main(void) {
  struct cache_io io = cache_io_kernel;
  struct cache_env env = {.io = &io, .map = unit_map, .unmap = unit_unmap};
  struct cache *cache;
  io.openat = io_openat;
  io.fallocate = io_fallocate;
  io.queue_write = count_queue_write;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  write_all(cache);
  printf("%u writes in the kernel's queue\n", queued);
  cache_close(cache);
  under_filter(SYS_io_uring_setup, EPERM);
  under_filter(SYS_io_uring_setup, ENOSYS);
  under_filter(SYS_openat2, EPERM);
  under_filter(SYS_openat2, ENOSYS);
  in_memory();
  refuse_queue(&io, &env);
  io.pwrite = io_pwrite;
  refuse.queue = -EPERM;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  write_all(cache);
  bool can_direct = direct_writes > 0;
  refuse.open = true;
  write_all(cache);
  CHECK(refused > 0);
  refuse.open = false;
  if (can_direct) {
    refuse.write = true;
    write_all(cache);
    CHECK(refused > 0);
    refuse.write = false;
  }
  refuse.fallocate = true;
  write_all(cache);
  CHECK(refused > 0);
  refuse.short_writes = true;
  write_all(cache);
  CHECK(refused > 10);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
