// What processes share in memory to wait for each other comes back as it was:
// mutexes, robust ones and with priority inheritance, conditions, barriers,
// semaphores, held and waited for.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>
enum { PLAIN, CONDITION, BARRIER, SEMAPHORE, INHERITING, WAITERS };
static struct shared {
  pthread_mutex_t plain, robust, inheriting, guard;
  pthread_cond_t condition;
  pthread_barrier_t barrier;
  sem_t semaphore, go;
  int raised;                   /* of the condition, under guard */
  volatile pid_t tids[WAITERS]; /* who waits, 0: not there yet */
  volatile int done[WAITERS];
} *shared;
static pid_t child;
static void *wait_for(void *argument) {
  int what = (int)(intptr_t)argument;
  shared->tids[what] = (pid_t)syscall(SYS_gettid);
  if (what == PLAIN) {
    CHECK(pthread_mutex_lock(&shared->plain) == 0);
    CHECK(pthread_mutex_unlock(&shared->plain) == 0);
  } else if (what == INHERITING) {
    int result = pthread_mutex_lock(&shared->inheriting);
    while (result == EOWNERDEAD) /* in the life that ends */
      pause();
    CHECK(result == 0 && pthread_mutex_unlock(&shared->inheriting) == 0);
  } else if (what == BARRIER) {
    int result = pthread_barrier_wait(&shared->barrier);
    CHECK(!result || result == PTHREAD_BARRIER_SERIAL_THREAD);
  } else if (what == SEMAPHORE) {
    CHECK(sem_wait(&shared->semaphore) == 0);
  } else {
    CHECK(pthread_mutex_lock(&shared->guard) == 0);
    while (!shared->raised)
      CHECK(pthread_cond_wait(&shared->condition, &shared->guard) == 0);
    CHECK(pthread_mutex_unlock(&shared->guard) == 0);
  }
  shared->done[what] = 1;
  return 0;
}
static void start(pthread_t *thread, int what) {
  CHECK(!pthread_create(thread, 0, wait_for, (void *)(intptr_t)what));
}
/* Until it sleeps in futex(2). */
static void wait_until_waits(pid_t pid, int what) {
  char path[64], text[64];
  for (double begin = now(); now() - begin < 20; sched_yield()) {
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", pid,
             shared->tids[what]);
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    if (!strncmp(text, "202 ", 4))
      return;
  }
  CHECK(!"it waits");
}
static void share_mutex(pthread_mutex_t *mutex, int robust, int protocol) {
  pthread_mutexattr_t facts;
  pthread_mutexattr_init(&facts);
  pthread_mutexattr_setpshared(&facts, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&facts, robust);
  pthread_mutexattr_setprotocol(&facts, protocol);
  CHECK(pthread_mutex_init(mutex, &facts) == 0);
}
static void make_all(void) {
  pthread_condattr_t condition;
  pthread_barrierattr_t barrier;
  shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  share_mutex(&shared->plain, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
  share_mutex(&shared->guard, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
  share_mutex(&shared->robust, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
  share_mutex(&shared->inheriting, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT);
  pthread_condattr_init(&condition);
  pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
  CHECK(pthread_cond_init(&shared->condition, &condition) == 0);
  pthread_barrierattr_init(&barrier);
  pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
  CHECK(pthread_barrier_init(&shared->barrier, &barrier, 2) == 0);
  CHECK(!sem_init(&shared->semaphore, 1, 0) && !sem_init(&shared->go, 1, 0));
}
/* Ends with the robust one, and gives the other first. */
static _Noreturn void be_child(void) {
  pthread_t threads[WAITERS];
  CHECK(pthread_mutex_lock(&shared->robust) == 0);
  CHECK(pthread_mutex_lock(&shared->inheriting) == 0);
  for (int what = 0; what < INHERITING; what++)
    start(&threads[what], what);
  CHECK(sem_wait(&shared->go) == 0);
  CHECK(pthread_mutex_unlock(&shared->inheriting) == 0);
  for (int what = 0; what < INHERITING; what++)
    CHECK(pthread_join(threads[what], 0) == 0);
  _exit(6);
}
static void look(pthread_t thread) {
  int status;
  for (int what = 0; what < WAITERS; what++) {
    wait_until_waits(what == INHERITING ? getpid() : child, what);
    CHECK(!shared->done[what]);
  }
  CHECK_EQUAL(pthread_mutex_trylock(&shared->robust), EBUSY);
  CHECK(pthread_mutex_unlock(&shared->plain) == 0);
  CHECK(sem_post(&shared->semaphore) == 0);
  pthread_barrier_wait(&shared->barrier);
  CHECK(pthread_mutex_lock(&shared->guard) == 0);
  shared->raised = 1;
  CHECK(pthread_cond_broadcast(&shared->condition) == 0);
  CHECK(pthread_mutex_unlock(&shared->guard) == 0);
  CHECK(sem_post(&shared->go) == 0);
  CHECK(pthread_join(thread, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
  for (int what = 0; what < WAITERS; what++)
    CHECK(shared->done[what]);
  CHECK_EQUAL(pthread_mutex_lock(&shared->robust), EOWNERDEAD);
  CHECK(pthread_mutex_consistent(&shared->robust) == 0);
}
int main(void) {
  pthread_t thread;
  make_all();
  CHECK(pthread_mutex_lock(&shared->plain) == 0);
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child();
  wait_until_waits(child, BARRIER); /* it has all by now */
  start(&thread, INHERITING);
  for (int what = 0; what < WAITERS; what++)
    wait_until_waits(what == INHERITING ? getpid() : child, what);
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  look(thread);
  return 0;
}
