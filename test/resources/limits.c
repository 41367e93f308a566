// Resource limits come back, also one that is below what the program uses.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/resource.h>
static void set(int which, rlim_t soft, rlim_t hard) {
  struct rlimit limit = {soft, hard};
  CHECK_EQUAL(setrlimit(which, &limit), 0);
}
static void expect(int which, rlim_t soft, rlim_t hard) {
  struct rlimit limit;
  CHECK_EQUAL(getrlimit(which, &limit), 0);
  CHECK_EQUAL(limit.rlim_cur, soft);
  CHECK_EQUAL(limit.rlim_max, hard);
}
int main(void) {
  struct rlimit files;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &files), 0);
  int high = fcntl(0, F_DUPFD, 50);
  CHECK(high >= 50);
  set(RLIMIT_NOFILE, 20, files.rlim_max);
  set(RLIMIT_CORE, 0, 0);
  set(RLIMIT_FSIZE, 1 << 30, RLIM_INFINITY);
  set(RLIMIT_STACK, 1 << 20, 1 << 22);
  die_and_come_back();
  expect(RLIMIT_NOFILE, 20, files.rlim_max);
  expect(RLIMIT_CORE, 0, 0);
  expect(RLIMIT_FSIZE, 1 << 30, RLIM_INFINITY);
  expect(RLIMIT_STACK, 1 << 20, 1 << 22);
  CHECK(fcntl(high, F_GETFD) >= 0);
  return 0;
}
