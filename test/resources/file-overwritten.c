// A file that was overwritten in its middle after the checkpoint, and cut, and
// grown, is as it was then; by each of the calls that write. Of several
// generations each leads back to its own state.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t file
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SIZE 40000

static char was[SIZE];

static void expect(int fd, const char *name) {
  static char text[SIZE + 1];
  CHECK_EQUAL(pread(fd, text, sizeof text, 0), SIZE);
  if (memcmp(text, was, SIZE) != 0) {
    dprintf(2, "%s\n", name);
    _exit(1);
  }
}

static void by_write(int fd) {
  CHECK_EQUAL(lseek(fd, 5000, SEEK_SET), 5000);
  CHECK_EQUAL(write(fd, "abc", 3), 3);
}
static void by_writev(int fd) {
  struct iovec parts[] = {{"12", 2}, {"345", 3}};
  CHECK_EQUAL(lseek(fd, 9000, SEEK_SET), 9000);
  CHECK_EQUAL(writev(fd, parts, 2), 5);
}
static void by_pwrite(int fd) { CHECK_EQUAL(pwrite(fd, "xyz", 3, 4095), 3); }
static void by_pwritev(int fd) {
  struct iovec parts[] = {{"12", 2}, {"345", 3}};
  CHECK_EQUAL(pwritev(fd, parts, 2, 20000), 5);
}
static void by_ftruncate(int fd) { CHECK_EQUAL(ftruncate(fd, 100), 0); }
static void by_growth(int fd) {
  CHECK_EQUAL(ftruncate(fd, 100), 0);
  CHECK_EQUAL(ftruncate(fd, 3 * SIZE), 0);
}
static void by_stdio(int fd) {
  FILE *file = fdopen(dup(fd), "r+");
  CHECK(file);
  CHECK_EQUAL(fseek(file, 30000, SEEK_SET), 0);
  CHECK(fputs("through a stream", file) >= 0);
  CHECK_EQUAL(fclose(file), 0);
}
static void by_copy(int fd) {
  off_t from = 0, to = 12000;
  CHECK_EQUAL(copy_file_range(fd, &from, fd, &to, 6000, 0), 6000);
}
static void by_mapping(int fd) {
  char *memory = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory + 100, 'm', 10000);
}
static void by_punching(int fd) {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192))
    by_write(fd); /* not on this file system */
}

static const struct {
  const char *name;
  void (*change)(int fd);
} ways[] = {
    {"write", by_write},         {"writev", by_writev},
    {"pwrite", by_pwrite},       {"pwritev", by_pwritev},
    {"ftruncate", by_ftruncate}, {"growth", by_growth},
    {"stdio", by_stdio},         {"copy_file_range", by_copy},
    {"mmap", by_mapping},        {"fallocate", by_punching},
};
#define WAYS (sizeof ways / sizeof *ways)

int main(int argc, char **argv) {
  CHECK(argc == 2);
  int fds[WAYS];
  for (unsigned i = 0; i < SIZE; i++)
    was[i] = (char)('a' + i % 23);
  for (unsigned i = 0; i < WAYS; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s.%u", argv[1], i);
    fds[i] = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fds[i] >= 0);
    CHECK_EQUAL(write(fds[i], was, SIZE), SIZE);
    CHECK_EQUAL(lseek(fds[i], 0, SEEK_SET), 0);
  }
  if (!came_back()) {
    for (unsigned i = 0; i < WAYS; i++) {
      ways[i].change(fds[i]);
      ways[i].change(fds[i]);
    }
    die();
  }
  for (unsigned i = 0; i < WAYS; i++)
    expect(fds[i], ways[i].name);
  return 0;
}
