// Signals that nobody handles, and that are to be ignored, come while the
// program stops and stands: of children that end, and what a terminal and a
// socket send. To the thread that a stop finds waiting, and to one that waits
// in a save. No other thread sees them.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t
#include "behaviour.h"
#include <hwckpt.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

enum { WAITERS = 8, SAVES = 4, CHECKPOINTS = 60, CHILDREN = 4, SEND_US = 100 };
static int epoll, begin[2], ends[2];
static _Atomic int there, over;
static _Atomic pid_t child_of_save;

/* Calls that signal(7) says end with EINTR also where nothing handles the
 * signal. */
static void *waits_in_epoll(void *unused) {
  struct epoll_event event;
  there++;
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, -1), 1);
  return unused;
}
static void *waits_for_signal(void *unused) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
  there++;
  CHECK_EQUAL(sigwaitinfo(&set, NULL), SIGUSR1);
  return unused;
}

static void begins(void) {
  char byte;
  there++;
  CHECK_EQUAL(read(begin[0], &byte, 1), 1);
}

static void reap(pid_t child) {
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* Its children end at any time. */
static void *forks(void *unused) {
  pid_t children[CHILDREN];
  begins();
  for (unsigned i = 0; !over || i < CHILDREN; i++) {
    if (i >= CHILDREN)
      reap(children[i % CHILDREN]);
    CHECK((children[i % CHILDREN] = fork()) >= 0);
    if (!children[i % CHILDREN]) {
      usleep(i * 127 % 3000);
      _exit(7);
    }
  }
  for (unsigned i = 0; i < CHILDREN; i++)
    reap(children[i]);
  return unused;
}

/* A child of the thread ends in the save. There is no other thread that the
 * kernel could wake but those that wait. */
static void save_while_child_ends(void) {
  char byte;
  CHECK_EQUAL(pipe(ends), 0);
  CHECK((child_of_save = fork()) >= 0);
  if (!child_of_save)
    _exit(read(ends[0], &byte, 1) == 1 ? 7 : 1);
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  reap(child_of_save);
  child_of_save = 0;
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}
static int ended_in_save(enum hwckpt_moment moment, void *unused) {
  (void)unused;
  if (moment != HWCKPT_BEFORE || !child_of_save)
    return 0;
  siginfo_t info;
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  CHECK_EQUAL(waitid(P_PID, (id_t)child_of_save, &info, WEXITED | WNOWAIT), 0);
  return 0;
}

static void *saves(void *unused) {
  begins();
  for (unsigned i = 0; i < CHECKPOINTS; i++)
    CHECK_EQUAL(hwckpt_checkpoint(), 0);
  return unused;
}

/* To the process: the kernel asks its first thread, which waits for others. */
static _Noreturn void send_to(pid_t program) {
  static const int signals[] = {SIGURG, SIGWINCH, SIGCHLD, SIGCONT, SIGUSR2};
  for (unsigned i = 0; getppid() == program; i++) {
    kill(program, signals[i % (sizeof signals / sizeof *signals)]);
    usleep(SEND_US);
  }
  _exit(0);
}

int main(void) {
  pthread_t waiters[WAITERS], signalled[WAITERS], forker, saver;
  int woken[2];
  struct epoll_event event = {.events = EPOLLIN};
  epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0 && pipe(begin) == 0 && pipe(woken) == 0);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, woken[0], &event), 0);
  CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
  CHECK_EQUAL(hwckpt_callback("ended in save", ended_in_save, NULL), 0);
  CHECK_EQUAL(hwckpt_checkpoint(), 0); /* begins the runtime's thread */
  for (int i = 0; i < WAITERS; i++) {
    CHECK_EQUAL(pthread_create(&waiters[i], NULL, waits_in_epoll, NULL), 0);
    CHECK_EQUAL(pthread_create(&signalled[i], NULL, waits_for_signal, NULL), 0);
  }
  while (there < 2 * WAITERS)
    sched_yield();
  for (int i = 0; i < SAVES; i++)
    save_while_child_ends();
  /* In pthread_create() libc blocks all signals for a moment. */
  CHECK_EQUAL(pthread_create(&forker, NULL, forks, NULL), 0);
  CHECK_EQUAL(pthread_create(&saver, NULL, saves, NULL), 0);
  while (there < 2 * WAITERS + 2)
    sched_yield();
  pid_t program = getpid(), sends = fork();
  CHECK(sends >= 0);
  if (!sends)
    send_to(program);
  CHECK_EQUAL(write(begin[1], "xx", 2), 2);
  CHECK_EQUAL(pthread_join(saver, NULL), 0);
  over = 1;
  CHECK_EQUAL(pthread_join(forker, NULL), 0);
  CHECK_EQUAL(kill(sends, SIGKILL), 0);
  CHECK_EQUAL(waitpid(sends, NULL, 0), sends);
  CHECK_EQUAL(write(woken[1], "x", 1), 1);
  for (int i = 0; i < WAITERS; i++) {
    CHECK_EQUAL(pthread_kill(signalled[i], SIGUSR1), 0);
    CHECK_EQUAL(pthread_join(waiters[i], NULL), 0);
    CHECK_EQUAL(pthread_join(signalled[i], NULL), 0);
  }
  return 0;
}
