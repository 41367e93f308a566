/* watcher.c - see watcher.h. */
#include "watcher.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/quiesce.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#define WATCHED 64
#define AT_ONCE 16 /* events that are taken */

static LIVE struct {
  int epoll;           /* -1 or 0: none yet */
  _Atomic int tid;     /* of the thread (futex), 0: it has not begun */
  int signals;         /* descriptor, 0: none */
  watcher_ready *told; /* of signals */
  struct watched {
    int descriptor;
    uint32_t argument;
    watcher_ready *_Atomic ready; /* null: free */
  } watched[WATCHED];
} watcher;

static void serve(void *unused) {
  (void)unused;
  atomic_store(&watcher.tid, (int)SYS(gettid));
  SYS(futex, &watcher.tid, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
  for (;;) {
    struct epoll_event events[AT_ONCE];
    long count = SYS(epoll_pwait, watcher.epoll, events, AT_ONCE, -1, 0, 8);
    for (long i = 0; i < count; i++) {
      const struct watched *watched = &watcher.watched[events[i].data.u32];
      watcher_ready *ready = atomic_load(&watched->ready);
      if (ready)
        ready(watched->argument, events[i].events);
    }
  }
}

static int start(void) {
  if (watcher.epoll > 0)
    return 0;
  long epoll = SYS(epoll_create1, EPOLL_CLOEXEC);
  if (epoll < 0)
    return (int)epoll;
  watcher.epoll = (int)epoll;
  if (quiesce_spawn_companion(serve, 0, "hwckpt-watch", 0) != 0) {
    SYS(close, epoll);
    watcher.epoll = 0;
    return -EAGAIN;
  }
  return 0;
}

int watcher_add(int descriptor, uint32_t events, watcher_ready *ready,
                uint32_t argument) {
  int failed = start();
  if (failed)
    return failed;
  for (uint32_t i = 0; i < WATCHED; i++) {
    struct watched *free = &watcher.watched[i];
    if (atomic_load(&free->ready))
      continue;
    free->descriptor = descriptor;
    free->argument = argument;
    atomic_store(&free->ready, ready);
    struct epoll_event event = {.events = events, .data.u32 = i};
    long result =
        SYS(epoll_ctl, watcher.epoll, EPOLL_CTL_ADD, descriptor, &event);
    if (result < 0)
      atomic_store(&free->ready, 0);
    return (int)result;
  }
  return -ENOSPC;
}

void watcher_remove(int descriptor) {
  for (struct watched *w = watcher.watched; w < watcher.watched + WATCHED; w++)
    if (atomic_load(&w->ready) && w->descriptor == descriptor) {
      SYS(epoll_ctl, watcher.epoll, EPOLL_CTL_DEL, descriptor, 0);
      atomic_store(&w->ready, 0);
    }
}

static void read_signals(uint32_t unused, uint32_t events) {
  (void)unused;
  (void)events;
  struct signalfd_siginfo info = {0};
  while (SYS(read, watcher.signals, &info, sizeof info) == sizeof info)
    watcher.told((uint32_t)info.ssi_fd, EPOLLMSG);
}

int watcher_take_signals(watcher_ready *ready, int *tid) {
  if (!watcher.signals) {
    uint64_t set = 1ull << (WATCHER_SIGNAL - 1);
    long signals = SYS(signalfd4, -1, &set, 8, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
      return (int)signals;
    watcher.signals = (int)signals;
    watcher.told = ready;
    int failed = watcher_add(watcher.signals, EPOLLIN, read_signals, 0);
    if (failed) {
      SYS(close, signals);
      watcher.signals = 0;
      return failed;
    }
  }
  int none = 0;
  while (!(*tid = atomic_load(&watcher.tid)))
    SYS(futex, &watcher.tid, FUTEX_WAIT_PRIVATE, none, 0, 0, 0);
  return 0;
}

void watcher_forget(void) { memset(&watcher, 0, sizeof watcher); }
