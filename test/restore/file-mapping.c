// Private mappings of files: written, zeroed, and dropped again, and the
// program's own initialised data.
// RUN: seq 100000 >%t.file && truncate -s 65536 %t.file
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back --run='-o track=auto' %hwckpt 3 7 %t %t.file
// RUN: %by_all %python %S/Inputs/come-back --run='-o track=full' %hwckpt 3 7 %t %t.file
#include "Inputs/come-back.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 16, SIZE = PAGE * PAGES };
static char data[4 * PAGE]
    __attribute__((aligned(PAGE))) = {[0 ... SIZE / 4 - 1] = 'd'};
static char as_it_is[SIZE], expected[SIZE];
static char *mapped;
static void same(void) {
  for (int page = 0; page < PAGES; page++)
    if (memcmp(mapped + page * PAGE, expected + page * PAGE, PAGE) != 0) {
      dprintf(2, "page %d: begins with %d, not %d\n", page, mapped[page * PAGE],
              expected[page * PAGE]);
      _exit(1);
    }
}
static void set(int page, int value) {
  memset(mapped + page * PAGE, value, PAGE);
  memset(expected + page * PAGE, value, PAGE);
}
static void drop(int page) {
  CHECK(madvise(mapped + page * PAGE, PAGE, MADV_DONTNEED) == 0);
  memcpy(expected + page * PAGE, as_it_is + page * PAGE, PAGE);
}
static void all(const char *memory, int value) {
  for (int i = 0; i < PAGE; i++)
    CHECK(memory[i] == value);
}
int main(int count, char **arguments) {
  CHECK(count == 2);
  int file = open(arguments[1], O_RDONLY);
  CHECK(file >= 0 && pread(file, as_it_is, SIZE, 0) == SIZE);
  memcpy(expected, as_it_is, SIZE);
  mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  CHECK(mapped != MAP_FAILED);
  // In a base.
  set(0, 0);
  set(1, 'w');
  set(2, 'w');
  set(3, 'w');
  set(4, 'w');
  memset(data, 0, PAGE);
  die_and_come_back();
  same();
  all(data, 0);
  all(data + PAGE, 'd');
  save();
  // In a delta.
  set(5, 0);
  set(1, 0);
  drop(2);
  drop(3);
  CHECK(((volatile char *)mapped)[3 * PAGE] == as_it_is[3 * PAGE]);
  set(6, 'x');
  memset(data + PAGE, 0, PAGE);
  die_and_come_back();
  same();
  all(data, 0);
  all(data + PAGE, 0);
  all(data + 2 * PAGE, 'd');
  save();
  // What was dropped is written again.
  save();
  set(2, 'y');
  drop(6);
  drop(0);
  die_and_come_back();
  same();
  return 7;
}
