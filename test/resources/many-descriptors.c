// More descriptors than a service usually has come back: connected sockets,
// each with what is queued in it, and options that were set.
// RUN: %behaviour %s -o %t && %S/../Inputs/restored-by-all %hwckpt -- %t
#include "behaviour.h"

#include <sys/resource.h>
#include <sys/socket.h>

enum { PAIRS = 4000, DESCRIPTORS = 2 * PAIRS + 64 };

static int pairs[PAIRS][2];

int main(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  int count = PAIRS;
  if (limit.rlim_max < DESCRIPTORS)
    count = (int)(limit.rlim_max - 64) / 2;
  limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (int i = 0; i < count; i++) {
    int one = 1;
    CHECK(socketpair(AF_UNIX, i % 3 ? SOCK_STREAM : SOCK_DGRAM, 0, pairs[i]) ==
          0);
    CHECK(write(pairs[i][1], &i, sizeof i) == sizeof i);
    if (i % 2)
      CHECK(setsockopt(pairs[i][0], SOL_SOCKET, SO_PASSCRED, &one,
                       sizeof one) == 0);
  }
  die_and_come_back();
  for (int i = 0; i < count; i++) {
    int found = -1, on = -1;
    socklen_t length = sizeof on;
    CHECK(read(pairs[i][0], &found, sizeof found) == sizeof found);
    CHECK_EQUAL(found, i);
    CHECK(getsockopt(pairs[i][0], SOL_SOCKET, SO_PASSCRED, &on, &length) == 0);
    CHECK_EQUAL(on, i % 2);
    CHECK(write(pairs[i][0], &i, sizeof i) == sizeof i);
    CHECK(read(pairs[i][1], &found, sizeof found) == sizeof found);
    CHECK_EQUAL(found, i);
  }
  return 0;
}
