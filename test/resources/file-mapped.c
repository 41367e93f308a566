// A file that was mapped shared before the checkpoint is what it was then,
// whatever was written through the mapping or with write(2) since; in each of
// several generations, and when the program is killed again after it came back.
// What is mapped is said, when it is too much to be kept.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   (%restored -- %t file small || test $? = 137) && \
// RUN:   %hwckpt restore 2>&1 | count 0 && rm -rf $HWCKPT_CACHE file && \
// RUN:   (%restored -- %t file large || test $? = 137) 2>&1 | FileCheck %s'
// CHECK: HWCKPT-E315: {{.*}}/file: it is mapped, and was too large to be kept
#include "behaviour.h"
#include <sys/mman.h>

#define SIZE (40 * 4096)
#define LARGE ((size_t)32 << 20)

static char *map;

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
  size_t size = argv[2][0] == 'l' ? LARGE : SIZE;
  int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
  map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(map != MAP_FAILED);
  fill(0);
  if (came_back())
    _exit(1);
  fill(1);
  if (!came_back()) {
    fill(2);
    CHECK_EQUAL(pwrite(fd, "by write", 8, 5000), 8);
    die();
  }
  if (size == SIZE)
    expect(1);
  fill(3);
  if (!came_back()) {
    fill(4);
    die();
  }
  if (size == SIZE)
    expect(3);
  return 0;
}
