// A limit of descriptors that was lowered since the checkpoint is not in the
// way of a rollback; where the hard one is too low for a descriptor that is to
// be made anew, the program goes on as it was. So it is with signals that are
// to be queued again, for who may not raise that limit.
// RUN: %behaviour %s -o %t && rm -rf %t.cache %t.file
// RUN: HWCKPT_CACHE=%t.cache %t %t.file 2>&1 | FileCheck %s
// CHECK: HWCKPT-E325: {{.*}}eventfd{{.*}}: descriptor 200: the limit is 20 now
// CHECK: passed
// RUN: rm -rf %t.signals
// RUN: if [ "$(id -u)" = 0 ]; then less='setpriv --bounding-set -sys_resource'; fi
// RUN: env HWCKPT_CACHE=%t.signals $less %t 2>&1 | FileCheck -check-prefix=TWO %s
// TWO: HWCKPT-E325: {{.*}}3 signals and timers to make, limit 2
// TWO: passed
#include "behaviour.h"
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

enum { HIGH = 200, LOW = 20, VALUE = 3 };

static void set(rlim_t soft, rlim_t hard) {
  const struct rlimit limit = {soft, hard};
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int queue_and_lower(void) {
  const struct rlimit low = {2, 2};
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &one, NULL);
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}),
                0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(take_signal(SIGRTMIN).si_value.sival_int, i);
  CHECK_EQUAL(setrlimit(RLIMIT_SIGPENDING, &low), 0);
  CHECK_EQUAL(__builtin_ckpt_load(), -ENOTSUP);
  puts("passed");
  return 0;
}

int main(int argc, char **argv) {
  struct rlimit then, back;
  uint64_t value;
  if (argc == 1)
    return queue_and_lower();
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
