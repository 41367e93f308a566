// Who asked to be told of a message (mq_notify) is told, after a checkpoint, a
// restore and a rollback, with his signal and value; also a process that has
// the queue from another. The queues were there or are made anew.
// RUN: %behaviour %s -o %t && rm -rf %t.cache %t.taken
// RUN: HWCKPT_CACHE=%t.cache %t alone %t.taken
// By a function it is lost at a restore only.
// RUN: %t function && (%restored -- %t function die 2>%t.err) && FileCheck %s <%t.err
// CHECK: HWCKPT-E318{{.*}}: POSIX message queue: descriptor {{[0-9]+}}: mq_notify
// RUN: %restored_by_all -- %t && %restored_by_all -- %t gone
#include "behaviour.h"
#include <mqueue.h>
#include <stdatomic.h>
#include <sys/wait.h>
enum { TOLD, OCCUPIED, CHILDS, QUEUES };
static mqd_t queues[QUEUES];
static char names[QUEUES][64];
static int ready[2], go[2];
static pid_t child;

static struct sigevent event_of(int notify, int value) {
  return (struct sigevent){.sigev_notify = notify,
                           .sigev_signo = SIGRTMIN + 1,
                           .sigev_value.sival_int = value};
}
static void ask(int which, int notify, int value) {
  struct sigevent event = event_of(notify, value);
  CHECK(mq_notify(queues[which], &event) == 0);
}
static int is_asked(int which) {
  struct sigevent event = event_of(SIGEV_NONE, 0);
  return mq_notify(queues[which], &event) < 0 && errno == EBUSY;
}
static void put(int which) { CHECK(mq_send(queues[which], "x", 1, 0) == 0); }
static void empty(int which) {
  char got[16];
  CHECK_EQUAL(mq_receive(queues[which], got, sizeof got, NULL), 1);
}
static void check_told(int which, int value) {
  siginfo_t info = take_signal(SIGRTMIN + 1);
  CHECK_EQUAL(info.si_code, SI_MESGQ);
  CHECK_EQUAL(info.si_value.sival_int, value);
  empty(which);
}
static void check_all(void) {
  CHECK(is_asked(TOLD) && is_asked(OCCUPIED));
  put(TOLD);
  check_told(TOLD, 77);
  CHECK(!is_asked(TOLD) && mq_notify(queues[TOLD], NULL) == 0);
  ask(TOLD, SIGEV_SIGNAL, 78);
  put(TOLD);
  check_told(TOLD, 78);
  ask(TOLD, SIGEV_SIGNAL, 77);
}
static void make_all(void) {
  struct mq_attr facts = {.mq_maxmsg = 2, .mq_msgsize = 16};
  for (int i = 0; i < QUEUES; i++) {
    snprintf(names[i], sizeof names[i], "/hwckpt-test-notices-%d-%d",
             (int)getuid(), i);
    mq_unlink(names[i]);
    queues[i] = mq_open(names[i], O_RDWR | O_CREAT | O_EXCL, 0600, &facts);
    if (queues[i] < 0 && errno == ENOSYS)
      SKIP("no POSIX message queues");
    CHECK(queues[i] >= 0);
  }
}
static void unlink_all(void) {
  for (int i = 0; i < QUEUES; i++)
    CHECK(mq_unlink(names[i]) == 0);
}
static _Noreturn void be_child(void) {
  char byte;
  CHECK(close(go[1]) == 0 && close(ready[0]) == 0);
  ask(CHILDS, SIGEV_SIGNAL, 5);
  CHECK(write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1);
  check_told(CHILDS, 5);
  _exit(4);
}
static void be_alone(const char *taken) {
  if (!came_back())
    CHECK(access(taken, F_OK) < 0);
  check_all();
  if (first_time(taken))
    roll_back();
  unlink_all();
}
static atomic_int called;
static void function(union sigval value) { called = value.sival_int; }
static void be_called(int dies) {
  struct sigevent event = event_of(SIGEV_THREAD, 6);
  event.sigev_notify_function = function;
  CHECK(mq_notify(queues[CHILDS], &event) == 0);
  int back = came_back();
  if (!back && dies)
    die();
  CHECK_EQUAL(is_asked(CHILDS), !back);
  put(CHILDS);
  while (!back && !called)
    sched_yield();
  CHECK_EQUAL(called, back ? 0 : 6);
  unlink_all();
}
int main(int argc, char **argv) {
  sigset_t one;
  int status;
  char byte;
  sigemptyset(&one);
  sigaddset(&one, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &one, NULL);
  make_all();
  if (argc > 1 && !strcmp(argv[1], "function")) {
    be_called(argc > 2);
    return 0;
  }
  ask(TOLD, SIGEV_SIGNAL, 77);
  ask(OCCUPIED, SIGEV_NONE, 0);
  if (argc > 2) {
    be_alone(argv[2]);
    return 0;
  }
  CHECK(pipe(ready) == 0 && pipe(go) == 0 && (child = fork()) >= 0);
  if (!child)
    be_child();
  CHECK(read(ready[0], &byte, 1) == 1);
  if (!came_back()) {
    CHECK(is_asked(TOLD) && is_asked(OCCUPIED) && is_asked(CHILDS));
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    if (argc > 1)
      unlink_all();
    die();
  }
  check_all();
  CHECK(is_asked(CHILDS));
  put(CHILDS);
  CHECK(write(go[1], "g", 1) == 1);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
  unlink_all();
  return 0;
}
