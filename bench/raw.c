/* raw.c - what the machine itself can do: the references beside which the
 * figures of checkpoints stand.
 *
 *   raw MIB FOLDER
 *
 * prints JSON: how long a copy of MIB of memory takes, how long a fork of a
 * process with as much stands still (with pages of 4 KiB, and with huge ones),
 * what the first write to a page costs whose writes are tracked, and what the
 * device of FOLDER writes and reads past the page cache.
 *
 * Invariant: memory is touched, freed and touched again before anything is
 * measured; of a virtual machine the first touch is several times slower. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Debian's header is older than the kernel. */
#define WP_UNPOPULATED (1 << 13)
#define WP_ASYNC (1 << 15)

enum { PAGE = 4096, BLOCK = 1 << 20, MAX_READERS = 64 };
static size_t size;

static void fail(const char *what) {
  fprintf(stderr, "raw: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned char *map(int advice) {
  unsigned char *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    fail("memory");
  madvise(memory, size, advice);
  return memory;
}

/* Writes a byte of each page; ns for each. */
static double touch(volatile unsigned char *memory) {
  double begin = seconds();
  for (size_t i = 0; i < size; i += PAGE)
    memory[i] = (unsigned char)(memory[i] + 1);
  return (seconds() - begin) * 1e9 / (double)(size / PAGE);
}

/* What another process has to wait for: from the fork to its return. */
static double fork_ms(void) {
  double best = 1e9;
  for (int i = 0; i < 3; i++) {
    double begin = seconds();
    pid_t child = fork();
    if (child < 0)
      fail("fork");
    if (!child)
      _exit(0);
    double took = (seconds() - begin) * 1e3;
    waitpid(child, NULL, 0);
    best = took < best ? took : best;
  }
  return best;
}

/* Of the first write to each page under write tracking, what it costs more
 * than a second one; negative: the kernel does not have it. */
static double write_fault_ns(unsigned char *memory) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* user mode only */);
  struct uffdio_api api = {.api = UFFD_API,
                           .features = WP_UNPOPULATED | WP_ASYNC};
  struct uffdio_register area = {.range = {(uintptr_t)memory, size},
                                 .mode = UFFDIO_REGISTER_MODE_WP};
  struct uffdio_writeprotect protect = {.range = area.range,
                                        .mode = UFFDIO_WRITEPROTECT_MODE_WP};
  double took = -1;
  if (fd >= 0 && !ioctl(fd, UFFDIO_API, &api) &&
      !ioctl(fd, UFFDIO_REGISTER, &area) &&
      !ioctl(fd, UFFDIO_WRITEPROTECT, &protect)) {
    double first = touch(memory);
    took = first - touch(memory);
  }
  if (fd >= 0)
    close(fd);
  return took;
}

static double copy_gbs(const unsigned char *from) {
  unsigned char *to = map(MADV_NOHUGEPAGE);
  touch(to);
  double begin = seconds();
  memcpy(to, from, size);
  double took = seconds() - begin;
  munmap(to, size);
  return (double)size / took / 1e9;
}

/* ---- files ---- */

static void check(bool right, const char *what) {
  if (!right)
    fail(what);
}

static double write_gbs(const char *path, const unsigned char *from) {
  int file =
      open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
  check(file >= 0 && !posix_fallocate(file, 0, (off_t)size), path);
  double begin = seconds();
  for (size_t at = 0; at < size; at += BLOCK)
    check(pwrite(file, from + at, BLOCK, (off_t)at) == BLOCK, path);
  check(!fdatasync(file), path);
  double took = seconds() - begin;
  close(file);
  return (double)size / took / 1e9;
}

static struct {
  int file;
  size_t size;
  atomic_size_t next;
} reading;

/* Takes blocks in turn with the others until there are none. */
static void *read_blocks(void *unused) {
  unsigned char *to = aligned_alloc(PAGE, BLOCK);
  (void)unused;
  check(to != NULL, "memory");
  for (size_t at; (at = atomic_fetch_add(&reading.next, BLOCK)) < reading.size;)
    check(pread(reading.file, to, BLOCK, (off_t)at) > 0, "read");
  free(to);
  return NULL;
}

static double read_seconds(const char *path) {
  pthread_t readers[MAX_READERS];
  struct stat about;
  int count = (int)sysconf(_SC_NPROCESSORS_ONLN) * 2;
  count = count < MAX_READERS ? count : MAX_READERS;
  reading.file = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
  check(reading.file >= 0 && !fstat(reading.file, &about), path);
  reading.size = (size_t)about.st_size;
  reading.next = 0;
  double begin = seconds();
  for (int i = 0; i < count; i++)
    check(!pthread_create(&readers[i], NULL, read_blocks, NULL), "thread");
  for (int i = 0; i < count; i++)
    pthread_join(readers[i], NULL);
  double took = seconds() - begin;
  close(reading.file);
  return took;
}

static void memory_and_device(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/raw-%d", folder, (int)getpid());
  unsigned char *memory = map(MADV_NOHUGEPAGE);
  touch(memory);
  munmap(memory, size);
  memory = map(MADV_NOHUGEPAGE);
  touch(memory);
  uint64_t state = 1;
  for (size_t i = 0; i < size / sizeof state; i++)
    ((uint64_t *)memory)[i] = state = state * 6364136223846793005ull + 1;
  printf("{\"mib\": %zu, \"memcpy_gbs\": %.2f, \"fork_ms\": %.2f, ", size >> 20,
         copy_gbs(memory), fork_ms());
  double written = write_gbs(path, memory), read = read_seconds(path);
  unlink(path);
  printf("\"write_gbs\": %.2f, \"read_gbs\": %.2f, \"write_fault_ns\": %.0f, ",
         written, (double)size / read / 1e9, write_fault_ns(memory));
  munmap(memory, size);
  memory = map(MADV_HUGEPAGE);
  touch(memory);
  printf("\"fork_huge_ms\": %.2f}\n", fork_ms());
}

int main(int count, char **arguments) {
  if (count != 3 || !(size = strtoull(arguments[1], NULL, 10) << 20)) {
    fputs("usage: raw MIB FOLDER\n", stderr);
    return 2;
  }
  memory_and_device(arguments[2]);
  return 0;
}
