/* interpose_threads.c - libc's functions that begin threads of their own.
 *
 * The first thread of a program has libc (since 2.34) take the stop signal,
 * which is taken back (interpose.c, for pthread_create()); by these functions
 * that comes to be where nobody sees it: without this, a program whose first
 * thread it is would hear no `hwckpt ckpt`, nor the checkpoint of a tree.
 *
 * Not for programs that are linked statically, which would get all of them and
 * what they draw in. */
#include "../resources/posix_notice.h"
#include "../support/quiesce.h"
#include "interpose_next.h"

#include <aio.h>
#include <errno.h>
#include <mqueue.h>
#include <netdb.h>
#include <signal.h>
#include <time.h>

#define EXPORTED __attribute__((weak, visibility("default")))

#define BEGINS_THREAD(name, parameters, arguments)                             \
  PASSED_ON(EXPORTED, name, name, parameters, arguments, (void)0,              \
            __hwckpt_thread_created())

/* A notification without a thread is a system call, of which the kernel does
 * not tell all. */
PASSED_ON(static, notify_by_thread, mq_notify,
          (mqd_t queue, const struct sigevent *event), (queue, event), (void)0,
          __hwckpt_thread_created())
EXPORTED int mq_notify(mqd_t queue, const struct sigevent *event) {
  if (event && event->sigev_notify == SIGEV_THREAD) {
    int failed = notify_by_thread(queue, event);
    if (!failed)
      __hwckpt_mq_notified(queue, event);
    return failed;
  }
  long result = __hwckpt_mq_notify(queue, event);
  if (result >= 0)
    return 0;
  errno = (int)-result;
  return -1;
}

BEGINS_THREAD(timer_create,
              (clockid_t clock, struct sigevent *event, timer_t *timer),
              (clock, event, timer))
BEGINS_THREAD(aio_read, (struct aiocb * request), (request))
BEGINS_THREAD(aio_read64, (struct aiocb64 * request), (request))
BEGINS_THREAD(aio_write, (struct aiocb * request), (request))
BEGINS_THREAD(aio_write64, (struct aiocb64 * request), (request))
BEGINS_THREAD(aio_fsync, (int operation, struct aiocb *request),
              (operation, request))
BEGINS_THREAD(aio_fsync64, (int operation, struct aiocb64 *request),
              (operation, request))
BEGINS_THREAD(lio_listio,
              (int mode, struct aiocb *const list[], int count,
               struct sigevent *event),
              (mode, list, count, event))
BEGINS_THREAD(lio_listio64,
              (int mode, struct aiocb64 *const list[], int count,
               struct sigevent *event),
              (mode, list, count, event))
BEGINS_THREAD(getaddrinfo_a,
              (int mode, struct gaicb *list[], int count,
               struct sigevent *event),
              (mode, list, count, event))
