// Devices without a state of their own come back, with flags, and work.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <fcntl.h>
int main(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int zero = open("/dev/zero", O_RDONLY);
  int full = open("/dev/full", O_WRONLY);
  int random = open("/dev/urandom", O_RDONLY | O_NONBLOCK);
  int strong = open("/dev/random", O_RDONLY);
  CHECK(null >= 0 && zero >= 0 && full >= 0 && random >= 0 && strong >= 0);
  die_and_come_back();
  unsigned char bytes[16] = {1}, other[16];
  CHECK_EQUAL(read(null, bytes, 16), 0);
  CHECK_EQUAL(write(null, bytes, 16), 16);
  CHECK_EQUAL(fcntl(null, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(read(zero, bytes, 16), 16);
  CHECK_EQUAL(bytes[0], 0);
  CHECK(write(full, bytes, 1) < 0 && errno == ENOSPC);
  CHECK(fcntl(random, F_GETFL) & O_NONBLOCK);
  CHECK(read(random, bytes, 16) == 16 && read(strong, other, 16) == 16);
  CHECK(memcmp(bytes, other, 16) != 0);
  return 0;
}
