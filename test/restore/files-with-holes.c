// A file that was mapped shared and ends with a hole is what it was, also when
// it was cut, removed, replaced or had a hole made in it after the checkpoint,
// with its descriptor open or closed: at a restore, at the next one, and at a
// rollback, which goes on with the same files. The hole is one again.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   %restored -- %t && %hwckpt restore && \
// RUN:   mkdir back && cd back && %t back' 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SIZE = (1 << 20) + 100, FILLED = 1 << 16 };

struct changed {
  const char *name;
  bool closed, empty; /* its descriptor; it is all hole */
  void (*change)(const struct changed *changed);
  int fd;
  char *map;
};

static void cut(const struct changed *changed) {
  CHECK_EQUAL(truncate(changed->name, 4096), 0);
}

static void cut_wholly(const struct changed *changed) {
  CHECK_EQUAL(truncate(changed->name, 0), 0);
}

static void cut_open(const struct changed *changed) {
  CHECK_EQUAL(ftruncate(changed->fd, SIZE / 2), 0);
}

static void remove_it(const struct changed *changed) {
  CHECK_EQUAL(unlink(changed->name), 0);
}

static void replace(const struct changed *changed) {
  int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && write(fd, "new", 3) == 3 && close(fd) == 0);
  CHECK_EQUAL(rename("new", changed->name), 0);
}

static void punch(const struct changed *changed) {
  int fd = open(changed->name, O_RDWR);
  CHECK(fd >= 0);
  /* Not each file system can. */
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, FILLED / 2))
    CHECK_EQUAL(pwrite(fd, "no hole", 7, 5000), 7);
  close(fd);
}

static void fill_hole(const struct changed *changed) {
  memset(changed->map + SIZE / 2, 'x', SIZE / 4);
  CHECK_EQUAL(truncate(changed->name, SIZE / 2 + 10), 0);
}

static struct changed files[] = {
    {.name = "cut", .change = cut},
    {.name = "cut-closed", .change = cut, .closed = true},
    {.name = "cut-empty", .change = cut_wholly, .closed = true, .empty = true},
    {.name = "cut-open", .change = cut_open},
    {.name = "gone", .change = remove_it},
    {.name = "gone-closed", .change = remove_it, .closed = true},
    {.name = "gone-empty", .change = remove_it, .empty = true},
    {.name = "replaced", .change = replace},
    {.name = "replaced-closed", .change = replace, .closed = true},
    {.name = "punched", .change = punch},
    {.name = "punched-closed", .change = punch, .closed = true},
    {.name = "filled", .change = fill_hole},
    {.name = "filled-closed", .change = fill_hole, .closed = true},
};
enum { FILES = sizeof files / sizeof *files };

static bool makes_another(const struct changed *file) {
  return file->change == remove_it || file->change == replace;
}

static char byte_at(const struct changed *file, int i) {
  return !file->empty && i < FILLED ? (char)('a' + i % 23) : 0;
}

static void make(struct changed *file) {
  file->fd = open(file->name, O_RDWR | O_CREAT | O_EXCL, 0640);
  CHECK(file->fd >= 0 && ftruncate(file->fd, SIZE) == 0);
  file->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
  CHECK(file->map != MAP_FAILED);
  for (int i = 0; !file->empty && i < FILLED; i++)
    file->map[i] = byte_at(file, i);
  if (file->closed)
    CHECK_EQUAL(close(file->fd), 0);
}

/* In memory a hole that is read through a mapping is none any more. */
static void expect(const struct changed *file) {
  static char bytes[SIZE + 1];
  struct stat status, opened;
  int fd = open(file->name, O_RDWR);
  CHECK(fd >= 0 && fstat(fd, &status) == 0);
  CHECK_EQUAL(status.st_size, SIZE);
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  CHECK(status.st_blocks * 512ll < SIZE / 2);
  CHECK_EQUAL(pread(fd, bytes, SIZE + 1, 0), SIZE);
  for (int i = 0; i < SIZE; i++)
    CHECK_EQUAL(bytes[i], byte_at(file, i));
  if (!file->closed)
    CHECK(fstat(file->fd, &opened) == 0 && opened.st_ino == status.st_ino);
  CHECK_EQUAL(file->map[1], byte_at(file, 1));
  CHECK_EQUAL(pwrite(fd, "by another", 10, SIZE - 10), 10);
  CHECK_EQUAL(memcmp(file->map + SIZE - 10, "by another", 10), 0);
  close(fd);
}

int main(int count, char **words) {
  (void)words;
  for (int i = 0; i < FILES; i++)
    make(&files[i]);
  CHECK(__builtin_ckpt_save() >= 0);
  if (first_time("once")) {
    for (int i = 0; i < FILES; i++)
      if (count == 1 || !makes_another(&files[i]))
        files[i].change(&files[i]);
    if (count > 1)
      roll_back();
    die();
  }
  for (int i = 0; i < FILES; i++)
    expect(&files[i]);
  return 0;
}
