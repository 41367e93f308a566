// Descriptors that the program was started with, and that cannot be saved, are
// no reason to take no checkpoint: they are left out by name. A pipe whose
// other end is closed comes back, with what is in it, time and again.
// RUN: %behaviour %s -o %t && \
// RUN: %by_all bash -o pipefail -c '%python %S/Inputs/started-with %hwckpt %t 2>&1 | FileCheck %s'
// CHECK: HWCKPT-E205: {{.*}}: pipe:[{{[0-9]+}}]: descriptor [[#FD:]], which the program was started with
// CHECK-NOT: HWCKPT-E208
// CHECK-DAG: HWCKPT-E316: {{.*}}: pipe:[{{[0-9]+}}]: descriptor [[#FD]]
// CHECK-DAG: came back
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <poll.h>
int main(int argc, char **argv) {
  char text[8];
  int ends[2], lonely[2];
  CHECK(argc == 2 && fcntl(atoi(argv[1]), F_GETFD) >= 0);
  CHECK(pipe(ends) == 0 && pipe(lonely) == 0);
  CHECK_EQUAL(write(ends[1], "rest", 4), 4);
  close(ends[1]);
  close(lonely[0]);
  signal(SIGPIPE, SIG_IGN);
  die_and_come_back();
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(read(ends[0], text, sizeof text), 4);
  CHECK(memcmp(text, "rest", 4) == 0);
  CHECK_EQUAL(read(ends[0], text, sizeof text), 0);
  CHECK(write(lonely[1], "x", 1) < 0 && errno == EPIPE);
  dprintf(2, "came back\n");
  return 0;
}
