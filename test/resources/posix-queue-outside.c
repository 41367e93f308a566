// A process that is not part of the checkpoint waits to send to a queue that is
// full: no room is made for it, as there would be none for what was taken out.
// The save fails, and no message is lost.
// RUN: %behaviour %s -o %t && %by_all bash -c '%t 2>err; status=$?; cat err; test $status = 77 || { test $status = 0 && FileCheck %s <err; }'
// CHECK: HWCKPT-E208: {{.*}}: descriptor {{[0-9]+}}: full, and process {{[0-9]+}} waits to send, which is not part of the checkpoint
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <mqueue.h>
#include <sys/wait.h>

static mqd_t queue;

static void put(const char *text) {
  CHECK_EQUAL(mq_send(queue, text, 1, 0), 0);
}

static void expect(const char *text) {
  char got[16];
  CHECK_EQUAL(mq_receive(queue, got, sizeof got, NULL), 1);
  CHECK_EQUAL(got[0], text[0]);
}

/* "number ...", of the system call that it waits in. */
static void await_sender(pid_t child) {
  char path[64], text[64];
  snprintf(path, sizeof path, "/proc/%d/syscall", (int)child);
  do {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (length <= 0)
      SKIP("the kernel does not say in which system call a child is");
    text[length] = 0;
    close(file);
  } while (strtol(text, NULL, 10) != SYS_mq_timedsend);
}

int main(void) {
  struct mq_attr facts = {.mq_maxmsg = 2, .mq_msgsize = 16};
  char name[64];
  int status;
  snprintf(name, sizeof name, "/hwckpt-test-queue-%d", (int)getpid());
  queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &facts);
  CHECK(queue >= 0);
  put("a");
  put("b");
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child) {
    queue = mq_open(name, O_WRONLY);
    put("c");
    _exit(0);
  }
  await_sender(child);
  long failed = __builtin_ckpt_save();
  expect("a");
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  expect("b");
  expect("c");
  CHECK(failed < 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(mq_unlink(name), 0);
  return 0;
}
