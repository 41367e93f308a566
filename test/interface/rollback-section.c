// What is found out in a critical section and taken back there is not found by
// a checkpoint, whoever asks for one meanwhile: the program does not find it
// again, and roll back for ever.
// RUN: %behaviour %s -o %t && rm -f %t.once && %t %t.once
#include "behaviour.h"
#include <hwckpt.h>

static unsigned long long rollbacks(void) {
  struct hwckpt_statistics is;
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  return is.rollbacks;
}

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  CHECK_EQUAL(hwckpt_disable(), 0);
  if (first_time(argv[1])) {
    CHECK_EQUAL(hwckpt_request(), 0);
    usleep(300000); // it would be taken
    CHECK_EQUAL(rollbacks(), 0);
    roll_back();
  }
  CHECK_EQUAL(n, 1);
  CHECK_EQUAL(rollbacks(), 1);
  CHECK_EQUAL(hwckpt_enable(), 0);
  CHECK_EQUAL(hwckpt_wait(2, 20000), 0); // it is by now
  return 0;
}
