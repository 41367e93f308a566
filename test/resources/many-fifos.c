// Each of thousands of FIFOs and pipes comes back as what it was, and none is
// looked for among all others: that took minutes. Of an ordinary user fewer, as
// what all his pipes hold together is limited.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/resource.h>
#include <sys/stat.h>

enum { FIFOS = 4000, PIPES = 4000, ALL = FIFOS + 2 * PIPES + 64 };

static int fifos[FIFOS], pipes[PIPES][2];

int main(void) {
  struct rlimit limit;
  char name[32];
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  int part = limit.rlim_max < ALL ? (int)(limit.rlim_max - 64) / 3 : FIFOS;
  if (geteuid() != 0 && part > 100)
    part = 100;
  limit.rlim_cur = limit.rlim_max < ALL ? limit.rlim_max : ALL;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  for (int i = 0; i < part; i++) {
    snprintf(name, sizeof name, "fifo-%d", i);
    CHECK_EQUAL(mkfifo(name, 0600), 0);
    CHECK((fifos[i] = open(name, O_RDWR | O_NONBLOCK)) >= 0);
    CHECK_EQUAL(write(fifos[i], &i, sizeof i), sizeof i);
    CHECK_EQUAL(pipe2(pipes[i], O_NONBLOCK), 0);
    CHECK_EQUAL(write(pipes[i][1], &i, sizeof i), sizeof i);
  }
  die_and_come_back();
  for (int i = 0; i < part; i++) {
    int found[2] = {-1, -1};
    CHECK_EQUAL(read(fifos[i], &found[0], sizeof found[0]), sizeof found[0]);
    CHECK_EQUAL(read(pipes[i][0], &found[1], sizeof found[1]), sizeof found[1]);
    CHECK_EQUAL(found[0], i);
    CHECK_EQUAL(found[1], i);
  }
  return 0;
}
