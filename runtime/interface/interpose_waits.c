/* interpose_waits.c - libc functions that wait with other signals blocked than
 * the thread has, brought by the executable as those of interpose.c are.
 *
 * While one waits, and in the handlers of signals that end the wait, the set of
 * the call counts: without the traps, which must not be blocked in code with
 * sites. As libc's they are cancellation points, and leave the time that they
 * are given as it is.
 */
#include "interpose.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SET_SIZE ((size_t)8) /* bytes of the kernel's set */

#define WEAK __attribute__((weak, visibility("default")))

extern int __interceptor_sigsuspend(const sigset_t *) __attribute__((weak));
extern int __interceptor_ppoll(struct pollfd *, nfds_t, const struct timespec *,
                               const sigset_t *) __attribute__((weak));
extern int __interceptor_epoll_pwait(int, struct epoll_event *, int, int,
                                     const sigset_t *) __attribute__((weak));

/* A call of the kernel's that is a cancellation point, by our own syscall(): as
 * in libc, the thread may be ended anywhere in it. */
#define CANCELLABLE(result, ...)                                               \
  do {                                                                         \
    int before_;                                                               \
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before_);              \
    (result) = syscall(__VA_ARGS__);                                           \
    pthread_setcanceltype(before_, &before_);                                  \
  } while (0)

WEAK int sigsuspend(const sigset_t *set) {
  sigset_t copy;
  long result;
  set = interpose_set(set, &copy);
  if (__interceptor_sigsuspend)
    return __interceptor_sigsuspend(set);
  CANCELLABLE(result, SYS_rt_sigsuspend, set, SET_SIZE);
  return (int)result;
}

WEAK int ppoll(struct pollfd *polled, nfds_t count,
               const struct timespec *timeout, const sigset_t *set) {
  struct timespec left;
  sigset_t copy;
  long result;
  set = interpose_set(set, &copy);
  if (__interceptor_ppoll)
    return __interceptor_ppoll(polled, count, timeout, set);
  if (timeout)
    left = *timeout;
  CANCELLABLE(result, SYS_ppoll, polled, count, timeout ? &left : 0, set,
              SET_SIZE);
  return (int)result;
}

WEAK int pselect(int count, fd_set *reads, fd_set *writes, fd_set *others,
                 const struct timespec *timeout, const sigset_t *set) {
  struct timespec left;
  sigset_t copy;
  long result;
  struct {
    const sigset_t *set;
    size_t size;
  } signals = {interpose_set(set, &copy), SET_SIZE};
  if (timeout)
    left = *timeout;
  CANCELLABLE(result, SYS_pselect6, count, reads, writes, others,
              timeout ? &left : 0, &signals);
  return (int)result;
}

WEAK int epoll_pwait(int epoll, struct epoll_event *events, int most,
                     int milliseconds, const sigset_t *set) {
  sigset_t copy;
  long result;
  set = interpose_set(set, &copy);
  if (__interceptor_epoll_pwait)
    return __interceptor_epoll_pwait(epoll, events, most, milliseconds, set);
  CANCELLABLE(result, SYS_epoll_pwait, epoll, events, most, milliseconds, set,
              SET_SIZE);
  return (int)result;
}

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* Linux 5.11 */
#endif

WEAK int epoll_pwait2(int epoll, struct epoll_event *events, int most,
                      const struct timespec *timeout, const sigset_t *set) {
  sigset_t copy;
  long result;
  CANCELLABLE(result, SYS_epoll_pwait2, epoll, events, most, timeout,
              interpose_set(set, &copy), SET_SIZE);
  return (int)result;
}
