// FIFOs with both ends in the program come back, with what is in them; one
// whose name was removed, as a pipe.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/stat.h>
int main(void) {
  char directory[] = "/tmp/hwckpt-test-fifo-XXXXXX", text[16];
  CHECK(mkdtemp(directory) && chdir(directory) == 0);
  CHECK(mkfifo("one", 0600) == 0 && mkfifo("two", 0600) == 0);
  int both = open("one", O_RDWR | O_NONBLOCK);
  int reader = open("two", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  int writer = open("two", O_WRONLY);
  CHECK(both >= 0 && reader >= 0 && writer >= 0);
  CHECK(write(both, "first", 5) == 5 && write(writer, "second", 6) == 6);
  CHECK(mkfifo("gone", 0600) == 0);
  int gone = open("gone", O_RDWR);
  int gone_too = open("gone", O_RDONLY | O_NONBLOCK);
  CHECK(write(gone, "removed", 7) == 7 && unlink("gone") == 0);
  die_and_come_back();
  CHECK(read(gone_too, text, sizeof text) == 7 && write(gone, "z", 1) == 1);
  CHECK(read(gone_too, text, sizeof text) == 1 && access("gone", F_OK) < 0);
  CHECK_EQUAL(read(both, text, sizeof text), 5);
  CHECK(read(both, text, 1) < 0 && errno == EAGAIN);
  CHECK_EQUAL(read(reader, text, sizeof text), 6);
  CHECK(memcmp(text, "second", 6) == 0);
  CHECK_EQUAL(fcntl(reader, F_GETFD), FD_CLOEXEC);
  CHECK(write(reader, "x", 1) < 0 && errno == EBADF);
  CHECK_EQUAL(fcntl(writer, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY);
  close(writer);
  CHECK_EQUAL(read(reader, text, 1), 0);
  writer = open("two", O_WRONLY);
  CHECK(write(writer, "x", 1) == 1 && read(reader, text, 2) == 1);
  CHECK(unlink("one") == 0 && unlink("two") == 0 && chdir("/") == 0);
  CHECK_EQUAL(rmdir(directory), 0);
  return 0;
}
