// Duplicates and second opens of a pipe's ends are ends of one pipe again, and
// it is at its end only when the last writer is closed.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <fcntl.h>
static int open_again(int fd, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open(path, flags);
  CHECK(again >= 0);
  return again;
}
int main(void) {
  int ends[2], other[2];
  char text[10];
  CHECK(pipe(ends) == 0 && pipe(other) == 0);
  int writer_copy = dup(ends[1]);
  int reader = open_again(ends[0], O_RDONLY | O_NONBLOCK);
  int both = open_again(ends[0], O_RDWR);
  CHECK_EQUAL(write(ends[1], "abc", 3), 3);
  CHECK_EQUAL(write(other[1], "other", 5), 5);
  die_and_come_back();
  CHECK_EQUAL(read(reader, text, 1), 1);
  CHECK_EQUAL(text[0], 'a');
  CHECK_EQUAL(read(both, text, 1), 1);
  CHECK_EQUAL(text[0], 'b');
  CHECK_EQUAL(read(ends[0], text, 10), 1);
  CHECK_EQUAL(text[0], 'c');
  CHECK_EQUAL(write(both, "d", 1), 1);
  CHECK(close(ends[1]) == 0 && close(both) == 0);
  CHECK_EQUAL(read(reader, text, 10), 1);
  CHECK(read(reader, text, 10) < 0 && errno == EAGAIN);
  CHECK_EQUAL(close(writer_copy), 0);
  CHECK_EQUAL(read(reader, text, 10), 0);
  CHECK_EQUAL(read(other[0], text, 10), 5);
  return 0;
}
