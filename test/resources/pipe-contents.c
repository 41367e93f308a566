// A pipe's bytes come back in order and once, with flags of both ends; reading
// its end says so when the writer is closed.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <fcntl.h>
int main(void) {
  int ends[2], empty[2];
  char text[20];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQUAL(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  CHECK_EQUAL(pipe2(empty, O_NONBLOCK), 0);
  CHECK_EQUAL(write(ends[1], "gone kept", 9), 9);
  CHECK_EQUAL(read(ends[0], text, 5), 5);
  if (!came_back()) {
    /* The capture took nothing out of it. */
    CHECK_EQUAL(read(ends[0], text, sizeof text), 4);
    CHECK(memcmp(text, "kept", 4) == 0);
    CHECK_EQUAL(write(ends[1], "late", 4), 4);
    die();
  }
  CHECK_EQUAL(fcntl(ends[0], F_GETFL) & (O_ACCMODE | O_NONBLOCK),
              O_RDONLY | O_NONBLOCK);
  CHECK_EQUAL(fcntl(ends[1], F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY);
  CHECK_EQUAL(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(empty[1], F_GETFL) & (O_ACCMODE | O_NONBLOCK),
              O_WRONLY | O_NONBLOCK);
  CHECK_EQUAL(fcntl(empty[1], F_GETFD), 0);
  CHECK(read(empty[0], text, 1) < 0 && errno == EAGAIN);
  CHECK_EQUAL(write(ends[1], " more", 5), 5);
  CHECK_EQUAL(read(ends[0], text, sizeof text), 9);
  CHECK(memcmp(text, "kept more", 9) == 0);
  CHECK(read(ends[0], text, 1) < 0 && errno == EAGAIN);
  CHECK_EQUAL(close(ends[1]), 0);
  CHECK_EQUAL(read(ends[0], text, 1), 0);
  return 0;
}
