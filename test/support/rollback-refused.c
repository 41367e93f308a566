// A rollback that cannot be changes nothing: without a checkpoint, in a child
// that was forked, when a descriptor cannot be taken back, when a file is
// shorter, the working directory or the generation is gone. The program goes
// on, and is rolled back when it can be.
// RUN: %behaviour %s -o %t && HWCKPT_OPTIONS=on_unsupported=warn:files=truncate %t 2>&1 | FileCheck %s
// CHECK: HWCKPT-E325: program cannot be rolled back in place: anon_inode:{{.*}}userfaultfd{{.*}}: descriptor 3
// CHECK: HWCKPT-E307: file is shorter than at the checkpoint: {{.*}}file: descriptor 3: 0 bytes, 4 at the checkpoint
// CHECK: HWCKPT-E303: {{.*}}/gone: working directory
// CHECK: HWCKPT-E1{{[0-9]+}}
// CHECK: passed
#include "behaviour.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static volatile int turns, value = 1;

// The kernel says in each thread on which processor it is.
static void has_rseq(void) {
  const volatile struct rseq *rseq =
      (const volatile struct rseq *)((char *)__builtin_thread_pointer() +
                                     __rseq_offset);
  if (__rseq_size)
    CHECK(rseq->cpu_id < CPU_SETSIZE);
}

static void *turn(void *argument) {
  for (;; usleep(100)) {
    has_rseq();
    turns++;
  }
  return argument;
}

static void goes_on(void) {
  int before = turns;
  has_rseq();
  double begin = now();
  while (turns < before + 3)
    CHECK(now() - begin < 10);
}

int main(void) {
  pthread_t thread;
  int times, status;
  CHECK_EQUAL(pthread_create(&thread, 0, turn, 0), 0);
  CHECK_EQUAL(__builtin_ckpt_load(), -ENOENT);
  CHECK_EQUAL(hwckpt_load(), -ENOENT);
  goes_on();

  CHECK_EQUAL(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY), 3);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  value = 2;
  CHECK_EQUAL(__builtin_ckpt_load(), -ENOTSUP);
  CHECK_EQUAL(value, 2);
  goes_on();
  close(3);

  int file = open("file", O_RDWR | O_CREAT, 0600);
  CHECK(file == 3 && write(file, "text", 4) == 4);
  times = __builtin_ckpt_save();
  if (times == 0) {
    CHECK_EQUAL(ftruncate(file, 0), 0);
    value = 3;
    CHECK_EQUAL(__builtin_ckpt_load(), -ENOTSUP);
    CHECK_EQUAL(value, 3);
    goes_on();
    pid_t child = fork();
    if (child == 0)
      _exit(__builtin_ckpt_load() == -ENOSYS && hwckpt_load() == -ENOSYS ? 7
                                                                         : 1);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
    CHECK_EQUAL(pwrite(file, "text", 4, 0), 4);
    roll_back();
  }
  CHECK(times == 1 && value == 2);
  goes_on();

  CHECK(mkdir("gone", 0700) == 0 && chdir("gone") == 0);
  times = __builtin_ckpt_save();
  CHECK(times >= 0 && chdir("..") == 0);
  if (times == 0) {
    CHECK_EQUAL(rename("gone", "away"), 0);
    value = 4;
    CHECK_EQUAL(__builtin_ckpt_load(), -ENOTSUP);
    CHECK_EQUAL(value, 4);
    goes_on();
    CHECK_EQUAL(rename("away", "gone"), 0);
    roll_back();
  }
  CHECK(times == 1 && value == 2 && rmdir("gone") == 0);
  goes_on();

  CHECK_EQUAL(system("cd \"$HWCKPT_CACHE\"/*/ && for i in g*.ckpt; do mv $i "
                     "x$i; done"),
              0);
  CHECK_EQUAL(__builtin_ckpt_load(), -EIO);
  goes_on();
  CHECK_EQUAL(system("rm \"$HWCKPT_CACHE\"/*/x*"), 0);
  unlink("file");
  dprintf(2, "passed\n");
  return 0;
}
