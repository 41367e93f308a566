// Threads that wait in the kernel are stopped there, killed, restored and
// stopped again: each call goes on waiting, none sees EINTR, each ends as it
// would have.
// RUN: %behaviour -I%S/Inputs %s -o %t && %restored_by_all -- %t
#include "blocked.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/select.h>

static int read_ends[2], poll_ends[2], select_ends[2], full[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;
static _Atomic int cond_said, futex_word;
static volatile sig_atomic_t handled;

static void handler(int number) { handled = number; }

static long call_read(void) {
  char byte;
  return or_errno(read(read_ends[0], &byte, 1));
}
static void wake_read(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(write(read_ends[1], "x", 1), 1);
}
static long call_write(void) { return or_errno(write(full[1], "abc", 3)); }
static void wake_write(pid_t tid) {
  (void)tid;
  char bytes[65536];
  CHECK_EQUAL(read(full[0], bytes, sizeof bytes), 65536);
}
static long call_poll(void) {
  struct pollfd look = {.fd = poll_ends[0], .events = POLLIN};
  return or_errno(poll(&look, 1, -1));
}
static long call_ppoll(void) {
  struct pollfd look = {.fd = poll_ends[0], .events = POLLIN};
  struct timespec day = {.tv_sec = 86400};
  sigset_t none;
  sigemptyset(&none);
  return or_errno(ppoll(&look, 1, &day, &none));
}
static void wake_poll(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(write(poll_ends[1], "x", 1), 1);
}
static long call_select(void) {
  fd_set reading;
  FD_ZERO(&reading);
  FD_SET(select_ends[0], &reading);
  struct timeval day = {.tv_sec = 86400};
  long result =
      or_errno(select(select_ends[0] + 1, &reading, NULL, NULL, &day));
  return FD_ISSET(select_ends[0], &reading) ? result : -1000;
}
static void wake_select(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(write(select_ends[1], "x", 1), 1);
}
static long call_mutex(void) {
  long result = -pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  return result;
}
static void wake_mutex(pid_t tid) {
  (void)tid;
  pthread_mutex_unlock(&mutex);
}
static long call_cond(void) {
  pthread_mutex_lock(&cond_mutex);
  long result = 0;
  while (!cond_said && result == 0)
    result = -pthread_cond_wait(&cond, &cond_mutex);
  pthread_mutex_unlock(&cond_mutex);
  return result;
}
static void wake_cond(pid_t tid) {
  (void)tid;
  pthread_mutex_lock(&cond_mutex);
  cond_said = 1;
  pthread_cond_signal(&cond);
  pthread_mutex_unlock(&cond_mutex);
}
static long call_rwlock(void) { return -pthread_rwlock_wrlock(&rwlock); }
static void wake_rwlock(pid_t tid) {
  (void)tid;
  pthread_rwlock_unlock(&rwlock);
}
static long call_barrier(void) {
  int result = pthread_barrier_wait(&barrier);
  return result == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : -result;
}
static void wake_barrier(pid_t tid) {
  (void)tid;
  pthread_barrier_wait(&barrier);
}
static long call_semaphore(void) { return or_errno(sem_wait(&semaphore)); }
static void wake_semaphore(pid_t tid) {
  (void)tid;
  sem_post(&semaphore);
}
static long call_futex(void) {
  return or_errno(
      syscall(SYS_futex, &futex_word, FUTEX_WAIT, 0, NULL, NULL, 0));
}
static void wake_futex(pid_t tid) {
  (void)tid;
  futex_word = 1;
  CHECK_EQUAL(syscall(SYS_futex, &futex_word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
}
static long call_pause(void) { return or_errno(pause()); }
static long call_sigsuspend(void) {
  sigset_t set;
  sigfillset(&set);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  sigdelset(&set, SIGUSR2);
  return or_errno(sigsuspend(&set));
}
static void wake_signal(pid_t tid) {
  syscall(SYS_tgkill, getpid(), tid, SIGUSR2);
}
static long call_sigwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return or_errno(sigwaitinfo(&set, NULL));
}
static long call_sigtimedwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  struct timespec day = {.tv_sec = 86400};
  return or_errno(sigtimedwait(&set, NULL, &day));
}
static long call_nanosleep(void) {
  struct timespec day = {.tv_sec = 86400};
  return or_errno(nanosleep(&day, NULL));
}
static long call_sleep(void) {
  return sleep(86400) > 86000 ? 1 : 0; /* what is left when a signal came */
}
static struct blocked rows[] = {
    {"read", SYS_read, call_read, wake_read, 1},
    {"write", SYS_write, call_write, wake_write, 3},
    {"poll", SYS_poll, call_poll, wake_poll, 1},
    {"ppoll", SYS_ppoll, call_ppoll, wake_poll, 1},
    {"select", SYS_pselect6, call_select, wake_select, 1},
    {"mutex", SYS_futex, call_mutex, wake_mutex, 0},
    {"condition", SYS_futex, call_cond, wake_cond, 0},
    {"rwlock", SYS_futex, call_rwlock, wake_rwlock, 0},
    {"barrier", SYS_futex, call_barrier, wake_barrier, 0},
    {"semaphore", SYS_futex, call_semaphore, wake_semaphore, 0},
    {"futex", SYS_futex, call_futex, wake_futex, 0},
    {"pause", SYS_pause, call_pause, wake_signal, -EINTR},
    {"sigsuspend", SYS_rt_sigsuspend, call_sigsuspend, wake_signal, -EINTR},
    {"sigwaitinfo", SYS_rt_sigtimedwait, call_sigwait, wake_signal, SIGUSR2},
    {"sigtimedwait", SYS_rt_sigtimedwait, call_sigtimedwait, wake_signal,
     SIGUSR2},
    {"nanosleep", SYS_clock_nanosleep, call_nanosleep, wake_signal, -EINTR},
    {"sleep", SYS_clock_nanosleep, call_sleep, wake_signal, 1},
};
enum { COUNT = sizeof rows / sizeof rows[0] };

int main(void) {
  char bytes[65536] = {0};
  CHECK(pipe(read_ends) == 0 && pipe(poll_ends) == 0);
  CHECK(pipe(select_ends) == 0 && pipe(full) == 0);
  CHECK_EQUAL(write(full[1], bytes, sizeof bytes), sizeof bytes);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR2, &action, NULL);
  pthread_mutex_lock(&mutex);
  pthread_rwlock_rdlock(&rwlock);
  pthread_barrier_init(&barrier, NULL, 2);
  sem_init(&semaphore, 0, 0);
  blocked_start(rows, COUNT);
  blocked_stop(rows, COUNT);
  die_and_come_back();
  blocked_stop(rows, COUNT);
  CHECK_EQUAL(handled, 0);
  blocked_end(rows, COUNT);
  CHECK_EQUAL(handled, SIGUSR2);
  return 0;
}
