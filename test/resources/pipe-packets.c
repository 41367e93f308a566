// A pipe of packets (O_DIRECT) keeps where one ends and the next begins, and
// writes packets after the restore.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <fcntl.h>
static void expect(int fd, const char *packet) {
  char text[100];
  long length = read(fd, text, sizeof text);
  CHECK_EQUAL(length, (long)strlen(packet));
  CHECK(memcmp(text, packet, (size_t)length) == 0);
}
int main(void) {
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_DIRECT), 0);
  CHECK_EQUAL(write(ends[1], "one", 3), 3);
  CHECK_EQUAL(write(ends[1], "second", 6), 6);
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  die_and_come_back();
  CHECK(fcntl(ends[1], F_GETFL) & O_DIRECT);
  CHECK_EQUAL(write(ends[1], "later", 5), 5);
  expect(ends[0], "one");
  expect(ends[0], "second");
  expect(ends[0], "x");
  expect(ends[0], "later");
  return 0;
}
