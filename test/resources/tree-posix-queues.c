// POSIX message queues come back with what is queued, by priority, and with
// their sizes, and who waits at one goes on waiting; also when they are gone by
// the time of the restore, as after a reboot.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t && %restored_by_all -- %t gone
// One with other sizes is not touched, and what was made before it is gone
// again.
// RUN: (! %restored -- %t other 2>%t.err) && FileCheck %s <%t.err && %t clean
// CHECK: HWCKPT-E222: POSIX message queue of the program cannot be had again: hwckpt-test-queue-{{.*}}: another queue has its name
#include "behaviour.h"
#include <mqueue.h>
#include <sys/stat.h>
#include <sys/wait.h>
static mqd_t full, empty, other;
static int ready[2];
static char names[2][64];
static pid_t child;
static void put(mqd_t queue, const char *text, unsigned priority) {
  CHECK(mq_send(queue, text, strlen(text), priority) == 0);
}
static void expect(mqd_t queue, const char *text, unsigned priority) {
  char got[128] = "";
  unsigned has = 0;
  CHECK_EQUAL(mq_receive(queue, got, sizeof got, &has), strlen(text));
  CHECK(strcmp(got, text) == 0);
  CHECK_EQUAL(has, priority);
}
static mqd_t make(int which, long messages, long size) {
  struct mq_attr facts = {.mq_maxmsg = messages, .mq_msgsize = size};
  mq_unlink(names[which]);
  return mq_open(names[which], O_RDWR | O_CREAT | O_EXCL, 0640, &facts);
}
static _Noreturn void be_child(void) {
  close(ready[0]);
  CHECK(write(ready[1], "r", 1) == 1);
  expect(empty, "at last", 4);
  put(full, "answer", 1);
  _exit(5);
}
static void lose_all(int argc, char **argv) {
  expect(full, "urgent", 9);
  put(full, "wrong", 9);
  if (argc > 1)
    for (int i = 0; i < 2; i++)
      CHECK(mq_unlink(names[i]) == 0);
  if (argc > 1 && !strcmp(argv[1], "other"))
    make(1, 3, 100);
}
static void look(void) {
  struct mq_attr facts;
  struct stat status;
  int ended;
  CHECK(mq_getattr(full, &facts) == 0 && fstat(full, &status) == 0);
  CHECK(facts.mq_maxmsg == 7 && facts.mq_msgsize == 100);
  CHECK_EQUAL(facts.mq_curmsgs, 4);
  CHECK_EQUAL(facts.mq_flags, 0);
  CHECK(mq_getattr(other, &facts) == 0 && facts.mq_flags == O_NONBLOCK);
  CHECK_EQUAL(status.st_mode & 0777, 0640);
  expect(full, "urgent", 9);
  expect(full, "first", 3);
  expect(other, "second", 3);
  expect(other, "", 0);
  put(empty, "at last", 4);
  CHECK(waitpid(child, &ended, 0) == child);
  CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 5);
  expect(full, "answer", 1);
  mqd_t again = mq_open(names[0], O_RDONLY);
  CHECK(again >= 0 && mq_close(again) == 0);
  for (int i = 0; i < 2; i++)
    CHECK(mq_unlink(names[i]) == 0);
}
int main(int argc, char **argv) {
  char byte;
  for (int i = 0; i < 2; i++)
    snprintf(names[i], sizeof names[i], "/hwckpt-test-queue-%d-%d",
             (int)getuid(), i);
  if (argc > 1 && !strcmp(argv[1], "clean")) {
    CHECK(mq_unlink(names[0]) < 0 && errno == ENOENT);
    CHECK(mq_unlink(names[1]) == 0);
    return 0;
  }
  full = make(0, 7, 100);
  empty = make(1, 2, 100);
  if (full < 0 && errno == ENOSYS)
    SKIP("no POSIX message queues");
  CHECK(full >= 0 && empty >= 0);
  CHECK((other = mq_open(names[0], O_RDONLY | O_NONBLOCK)) >= 0);
  put(full, "", 0);
  put(full, "first", 3);
  put(full, "urgent", 9);
  put(full, "second", 3);
  CHECK(pipe(ready) == 0);
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child();
  close(ready[1]);
  CHECK(read(ready[0], &byte, 1) == 1);
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    lose_all(argc, argv);
    die();
  }
  look();
  return 0;
}
