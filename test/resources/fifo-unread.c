// What is in a FIFO, or a pipe, that only the program's own end to write is
// open of is there for who opens it to read later; until then nobody reads it.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <poll.h>
#include <sys/stat.h>
static int fifo, anonymous, empty;
/* As long as there is no reader. */
static void nobody_reads(int writer) {
  struct pollfd look = {writer, POLLOUT, 0};
  CHECK_EQUAL(poll(&look, 1, 0), 1);
  CHECK(look.revents & POLLERR);
  CHECK(write(writer, "x", 1) < 0 && errno == EPIPE);
}
static void is_read_by(const char *name, const char *text) {
  char got[64];
  int reader = open(name, O_RDONLY | O_NONBLOCK);
  CHECK(reader >= 0);
  CHECK_EQUAL(read(reader, got, sizeof got), (long)strlen(text));
  CHECK(memcmp(got, text, strlen(text)) == 0);
  CHECK_EQUAL(close(reader), 0);
}
static void is_empty(const char *name) {
  char byte;
  int reader = open(name, O_RDONLY | O_NONBLOCK);
  CHECK(read(reader, &byte, 1) < 0 && errno == EAGAIN && close(reader) == 0);
}
static int left_by_reader(const char *name, const char *text) {
  int reader = open(name, O_RDONLY | O_NONBLOCK);
  int writer = open(name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
  CHECK(reader >= 0 && writer >= 0);
  CHECK_EQUAL(write(writer, text, strlen(text)), (long)strlen(text));
  CHECK_EQUAL(close(reader), 0);
  return writer;
}
int main(void) {
  int ends[2];
  char by[64];
  CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  CHECK(mkfifo("fifo", 0600) == 0 && mkfifo("empty", 0600) == 0);
  fifo = left_by_reader("fifo", "for later");
  empty = left_by_reader("empty", "");
  CHECK(pipe(ends) == 0 && write(ends[1], "hidden", 6) == 6);
  CHECK_EQUAL(close(ends[0]), 0);
  anonymous = ends[1];
  snprintf(by, sizeof by, "/proc/self/fd/%d", anonymous);
  long flags = fcntl(fifo, F_GETFL);
  if (!came_back()) {
    nobody_reads(fifo);
    is_read_by("fifo", "for later");
    die();
  }
  nobody_reads(fifo);
  nobody_reads(empty);
  nobody_reads(anonymous);
  is_read_by("fifo", "for later");
  is_empty("empty");
  is_read_by(by, "hidden");
  nobody_reads(fifo);
  CHECK_EQUAL(fcntl(fifo, F_GETFL), flags);
  CHECK(unlink("fifo") == 0 && unlink("empty") == 0);
  return 0;
}
