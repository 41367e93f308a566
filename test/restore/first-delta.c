// The first checkpoint after a restore holds what was written since, not all
// memory: also of what was moved, dropped, mapped anew or written in a mapped
// file. Restored from that all is as it was, from the newest generation, from
// one before, and from a second branch upon that; merged too.
// RUN: rm -rf %t.cache && export HWCKPT_CACHE=%t.cache && %clang -D_GNU_SOURCE -fhwckpt -O2 %s -o %t && head -c 1048576 %t > %t.file && truncate -s 1048576 %t.file
// RUN: ! %hwckpt run --name it -- %t %t.file
// RUN: ! %hwckpt restore --eager it
// RUN: ! %hwckpt restore --eager it
// RUN: ! %hwckpt restore --eager it/1
// RUN: %hwckpt list --json it | %python %S/Inputs/first-delta.py 1:0 2:1 3:2 4:1
// RUN: %hwckpt verify it
// RUN: %hwckpt restore --eager it/3 -o verbosity=0; test $? = 7
// RUN: %hwckpt restore --eager --before 3 it; test $? = 137
// RUN: %hwckpt merge it
// RUN: %hwckpt restore --eager it; test $? = 7
#include "Inputs/come-back.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 2560, PART = 16 };
static unsigned char held[PAGES], held_in_file[256];
static char *memory, *mobile, *file, *more;
static unsigned char in_mobile, in_more;

static void put(int page, int value) {
  memset(memory + (size_t)page * PAGE, value, PAGE);
  held[page] = (unsigned char)value;
}

static void same(const char *page, int value) {
  for (int i = 0; i < PAGE; i += 8)
    CHECK((unsigned char)page[i] == value);
}

static void check(void) {
  for (int i = 0; i < PAGES; i++)
    same(memory + (size_t)i * PAGE, held[i]);
  for (int i = 0; i < PART; i++)
    same(mobile + (size_t)i * PAGE, in_mobile);
  for (int i = 1; i < 256; i += 2)
    same(file + (size_t)i * PAGE, held_in_file[i]);
  for (int i = 0; more && i < PART; i++)
    same(more + (size_t)i * PAGE, in_more);
}

static char *map(size_t pages) {
  char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  return at;
}

// A little of everything.
static void change(int value) {
  for (int i = value; i < PAGES; i += 600)
    put(i, value);
  int dropped = 100 * value;
  CHECK(!madvise(memory + (size_t)dropped * PAGE, PAGE, MADV_DONTNEED));
  held[dropped] = 0;
  char *away = map(PART);
  CHECK(mremap(mobile, PART * PAGE, PART * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
               away) == away);
  mobile = away;
  held_in_file[value * 2 + 1] = (unsigned char)value;
  memset(file + (size_t)(value * 2 + 1) * PAGE, value, PAGE);
  if (more)
    CHECK(!munmap(more, PART * PAGE));
  more = map(PART);
  in_more = (unsigned char)(value + 40);
  memset(more, in_more, PART * PAGE);
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  int fd = open(arguments[1], O_RDONLY);
  CHECK(fd >= 0);
  file = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(file != MAP_FAILED);
  close(fd);
  memory = map(PAGES);
  mobile = map(PART);
  in_mobile = 77;
  memset(mobile, in_mobile, PART * PAGE);
  for (int i = 0; i < PAGES; i++)
    put(i, 1 + i % 200);
  for (int i = 1; i < 256; i += 2)
    memset(file + (size_t)i * PAGE, held_in_file[i] = 9, PAGE);
  for (int turn = 1; turn <= 3; turn++) {
    int restored = save();
    check();
    if (!restored)
      raise(SIGKILL);
    change(turn * 2 + (restored > 1));
    check();
  }
  return 7;
}
