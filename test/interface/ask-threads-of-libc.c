// `hwckpt ckpt` is heard by a program whose first thread libc has begun itself:
// for a timer or a notification that calls a function, or for aio_read() or
// getaddrinfo_a().
// RUN: %behaviour %s -o %t
// RUN: %t timer %hwckpt && %t notification %hwckpt && %t read %hwckpt
// RUN: %t list %hwckpt && %t names %hwckpt
#include "behaviour.h"
#include <aio.h>
#include <mqueue.h>
#include <netdb.h>
#include <spawn.h>
#include <sys/wait.h>
extern char **environ;
static void called(union sigval value) { (void)value; }
static struct sigevent event = {.sigev_notify = SIGEV_THREAD,
                                .sigev_notify_function = called};
static void begin_timer(void) {
  struct itimerspec often = {{0, 10000000}, {0, 10000000}};
  timer_t timer;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  CHECK(timer_settime(timer, 0, &often, NULL) == 0);
}
static void begin_notification(void) {
  char name[64];
  snprintf(name, sizeof name, "/hwckpt-ask-%d", getpid());
  mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
  if (queue < 0)
    SKIP("there are no message queues");
  CHECK(mq_unlink(name) == 0 && mq_notify(queue, &event) == 0);
  CHECK(mq_close(queue) == 0);
}
static void begin_read(int by_list) {
  static char content[8];
  static struct aiocb request = {.aio_buf = content, .aio_nbytes = 8};
  static struct aiocb *const list[] = {&request};
  request.aio_lio_opcode = LIO_READ;
  CHECK((request.aio_fildes = open("/dev/zero", O_RDONLY)) >= 0);
  CHECK((by_list ? lio_listio(LIO_NOWAIT, list, 1, NULL)
                 : aio_read(&request)) == 0);
  while (aio_error(&request) == EINPROGRESS)
    sched_yield();
}
static void begin_names(void) {
  static struct gaicb request = {.ar_name = "127.0.0.1"};
  struct gaicb *list[] = {&request};
  CHECK(getaddrinfo_a(GAI_WAIT, list, 1, NULL) == 0);
}
int main(int count, char **arguments) {
  char pid[16];
  char *ask[] = {"hwckpt", "ckpt", pid, NULL};
  int status;
  pid_t child;
  CHECK(count == 3);
  switch (*arguments[1]) {
  case 't':
    begin_timer();
    break;
  case 'r':
  case 'l':
    begin_read(*arguments[1] == 'l');
    break;
  case 'n':
    if (arguments[1][1] == 'o')
      begin_notification();
    else
      begin_names();
  }
  snprintf(pid, sizeof pid, "%d", getpid());
  alarm(30); /* where nobody hears it */
  CHECK(posix_spawn(&child, arguments[2], NULL, NULL, ask, environ) == 0);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
  return 0;
}
