// Signals that are pending, for the process and for threads, come back in order
// with all that came with them; one that only a signalfd takes too. One that
// ends the program as soon as it goes on is not part of the checkpoint.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/signalfd.h>
static pthread_barrier_t met;
static sigset_t set;
static void expect_value(int number, int value) {
  siginfo_t info = take_signal(number);
  CHECK_EQUAL(info.si_code, SI_QUEUE);
  CHECK_EQUAL(info.si_value.sival_int, value);
  CHECK_EQUAL(info.si_uid, getuid());
}
static void *work(void *argument) {
  union sigval value = {.sival_int = 40 + *(int *)argument};
  for (int i = 0; i < 3; i++, value.sival_int++)
    CHECK_EQUAL(pthread_sigqueue(pthread_self(), SIGRTMIN + 4, value), 0);
  CHECK_EQUAL(pthread_kill(pthread_self(), SIGUSR1), 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(take_signal(SIGUSR1).si_pid, getpid());
  for (int i = 0; i < 3; i++)
    expect_value(SIGRTMIN + 4, 40 + *(int *)argument + i);
  sigset_t pending;
  sigpending(&pending);
  CHECK_EQUAL(sigismember(&pending, SIGRTMIN + 4), 0);
  return NULL;
}
int main(void) {
  static int numbers[] = {10, 20};
  pthread_t threads[2];
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGHUP);
  for (int i = 0; i < 8; i++)
    sigaddset(&set, SIGRTMIN + i);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_barrier_init(&met, NULL, 3);
  for (int i = 0; i < 2; i++)
    pthread_create(&threads[i], NULL, work, &numbers[i]);
  pthread_barrier_wait(&met);
  kill(getpid(), SIGUSR2);
  pthread_kill(pthread_self(), SIGHUP);
  for (int i = 0; i < 40; i++)
    CHECK_EQUAL(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}),
                0);
  sigset_t queue;
  sigemptyset(&queue);
  sigaddset(&queue, SIGRTMIN + 1);
  int fd = signalfd(-1, &queue, SFD_NONBLOCK);
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 99});
  die_and_come_back();
  for (int i = 0; i < 40; i++)
    expect_value(SIGRTMIN, i);
  CHECK_EQUAL(take_signal(SIGUSR2).si_code, SI_USER);
  CHECK_EQUAL(take_signal(SIGHUP).si_code, SI_USER); /* libc makes it that */
  struct signalfd_siginfo info;
  CHECK_EQUAL(read(fd, &info, sizeof info), sizeof info);
  CHECK_EQUAL(info.ssi_int, 99);
  CHECK(read(fd, &info, sizeof info) < 0);
  sigset_t pending;
  sigpending(&pending);
  CHECK(sigisemptyset(&pending));
  pthread_barrier_wait(&met);
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
