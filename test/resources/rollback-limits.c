// A limit of descriptors that was lowered since the checkpoint is not in the
// way of a rollback; where the hard one is too low for a descriptor that is to
// be made anew, the program goes on as it was.
// RUN: %behaviour %s -o %t && rm -rf %t.cache %t.file
// RUN: HWCKPT_CACHE=%t.cache %t %t.file 2>&1 | FileCheck %s
// CHECK: HWCKPT-E325: {{.*}}eventfd{{.*}}: descriptor 200: the limit is 20 now
// CHECK: passed
#include "behaviour.h"
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

enum { HIGH = 200, LOW = 20, VALUE = 3 };

static void set(rlim_t soft, rlim_t hard) {
  const struct rlimit limit = {soft, hard};
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int main(int argc, char **argv) {
  struct rlimit then, back;
  uint64_t value;
  CHECK_EQUAL(argc, 2);
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &then), 0);
  CHECK(then.rlim_cur > HIGH);
  int fd = eventfd(VALUE, 0);
  CHECK_EQUAL(dup2(fd, HIGH), HIGH);
  CHECK_EQUAL(close(fd), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  CHECK_EQUAL(read(HIGH, &value, sizeof value), sizeof value);
  CHECK_EQUAL(value, VALUE);
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &back), 0);
  CHECK_EQUAL(back.rlim_cur, then.rlim_cur);
  CHECK_EQUAL(back.rlim_max, then.rlim_max);
  if (first_time(argv[1])) {
    CHECK_EQUAL(close(HIGH), 0);
    set(LOW, then.rlim_max);
    roll_back();
  }
  set(LOW, LOW);
  CHECK_EQUAL(__builtin_ckpt_load(), -ENOTSUP);
  value = 1;
  CHECK_EQUAL(write(HIGH, &value, sizeof value), sizeof value);
  puts("passed");
  return 0;
}
