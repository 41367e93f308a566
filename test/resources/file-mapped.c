// A file that was mapped shared before the checkpoint is what it was then,
// whatever was written through the mapping or with write(2) since; in each of
// several generations, and when the program is killed again after it came back.
// Of what is sparse the holes are holes again, and take no room in the log.
// What is mapped is said, when it is too much to be kept.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   (%restored -- %t file small || test $? = 137) && \
// RUN:   %hwckpt restore 2>&1 | count 0 && rm -rf $HWCKPT_CACHE file && \
// RUN:   (%restored -o mapped=1M -- %t file sparse || test $? = 137) && \
// RUN:   %hwckpt restore 2>&1 | count 0 && rm -rf $HWCKPT_CACHE file && \
// RUN:   (%restored -o mapped=31M -- %t file large || test $? = 137) 2>&1 | FileCheck %s'
// CHECK: HWCKPT-E315: {{.*}}/file: it is mapped, and was too large to be kept
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/stat.h>

#define SIZE (40 * 4096)
#define LARGE ((size_t)32 << 20)
#define SPARSE ((size_t)1 << 30)

static char *map;
static size_t size;

/* A hole at the checkpoint, in which there is something afterwards. */
static void fill_hole(int fd) {
  struct stat status;
  if (size != SPARSE)
    return;
  for (size_t i = 1; i < 16; i++)
    map[i * (size >> 4) + 99] = 1;
  CHECK_EQUAL(fstat(fd, &status), 0);
  CHECK(status.st_blocks * 512ll >= SIZE + 15 * 4096);
}

/* In memory a hole that is read through a mapping is none any more. */
static void expect_hole(int fd) {
  struct stat status;
  char byte;
  if (size != SPARSE)
    return;
  CHECK_EQUAL(fstat(fd, &status), 0);
  CHECK(status.st_blocks * 512ll < SIZE + 8 * 4096);
  for (size_t i = 1; i < 16; i++)
    CHECK(pread(fd, &byte, 1, (off_t)(i * (size >> 4) + 99)) == 1 && !byte);
}

static void fill(int step) {
  for (size_t i = 0; i < SIZE; i += 64)
    map[i] = (char)('a' + (i / 64 + (size_t)step) % 26);
}

static void expect(int step) {
  for (size_t i = 0; i < SIZE; i += 64)
    CHECK_EQUAL(map[i], (char)('a' + (i / 64 + (size_t)step) % 26));
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  size = argv[2][0] == 'l' ? LARGE : argv[2][1] == 'p' ? SPARSE : SIZE;
  int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
  map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(map != MAP_FAILED);
  if (size == LARGE)
    memset(map, 'x', size);
  fill(0);
  if (came_back())
    _exit(1);
  fill(1);
  if (!came_back()) {
    fill(2);
    fill_hole(fd);
    CHECK_EQUAL(pwrite(fd, "by write", 8, 5000), 8);
    die();
  }
  expect_hole(fd);
  if (size != LARGE)
    expect(1);
  fill(3);
  if (!came_back()) {
    fill(4);
    fill_hole(fd);
    die();
  }
  expect_hole(fd);
  if (size != LARGE)
    expect(3);
  return 0;
}
