// Each of many pipes comes back with what was in it and with its own ends:
// both of each, every third with a duplicate of its writer, every fifth with
// another open file of its reader, all far from the first in number.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"

#include <fcntl.h>
#include <sys/resource.h>

enum { PIPES = 1000, DESCRIPTORS = 4 * PIPES + 64 };

static int ends[PIPES][2], more[PIPES][2];

static int open_again(int fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_RDONLY | O_NONBLOCK);
}

static void passes(int from, int to, int value) {
  int found = -1;
  CHECK(write(from, &value, sizeof value) == sizeof value);
  CHECK(read(to, &found, sizeof found) == sizeof found);
  CHECK_EQUAL(found, value);
}

int main(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  int count = PIPES;
  if (limit.rlim_max < DESCRIPTORS)
    count = (int)(limit.rlim_max - 64) / 4;
  limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (int i = 0; i < count; i++) {
    CHECK(pipe(ends[i]) == 0);
    CHECK(write(ends[i][1], &i, sizeof i) == sizeof i);
  }
  for (int i = 0; i < count; i++) {
    more[i][1] = i % 3 ? -1 : dup(ends[i][1]);
    more[i][0] = i % 5 ? -1 : open_again(ends[i][0]);
    CHECK((i % 3 || more[i][1] >= 0) && (i % 5 || more[i][0] >= 0));
  }
  die_and_come_back();
  for (int i = 0; i < count; i++) {
    int found = -1;
    CHECK(read(ends[i][0], &found, sizeof found) == sizeof found);
    CHECK_EQUAL(found, i);
    passes(ends[i][1], ends[i][0], i + 1);
    if (i % 3 == 0)
      passes(more[i][1], ends[i][0], i + 2);
    if (i % 5 == 0)
      passes(ends[i][1], more[i][0], i + 3);
    CHECK(close(ends[i][1]) == 0 && (i % 3 || close(more[i][1]) == 0));
    CHECK_EQUAL(read(ends[i][0], &found, sizeof found), 0);
  }
  return 0;
}
