/* apart.c - see apart.h. */
#include "apart.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK ((size_t)256 << 10)

struct birth {
  void (*run)(void *context);
  void *context;
  bool (*is_needed)(pid_t id);
  pid_t pid; /* or a negative errno */
  sem_t done;
};

static void *bear(void *context);

static int start_thread(struct birth *birth) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK);
  int failed = pthread_create(&thread, &attributes, bear, birth);
  pthread_attr_destroy(&attributes);
  return -failed;
}

static bool is_needed(const struct birth *birth, pid_t id) {
  return birth->is_needed && birth->is_needed(id);
}

/* What has an id that is needed ends when another one has been made. */
static pid_t fork_free(struct birth *birth) {
  for (;;) {
    pid_t pid = fork();
    if (pid < 0)
      return -errno;
    bool needed = is_needed(birth, pid ? pid : getpid());
    if (!pid && !needed)
      birth->run(birth->context);
    if (!pid)
      _exit(EXIT_SUCCESS);
    if (!needed)
      return pid;
    waitpid(pid, NULL, 0);
  }
}

static void *bear(void *context) {
  struct birth *birth = context;
  bool needed = is_needed(birth, (pid_t)syscall(SYS_gettid));
  int failed = needed ? start_thread(birth) : 0;
  if (needed && !failed)
    return NULL;
  birth->pid = failed ? failed : fork_free(birth);
  sem_post(&birth->done);
  for (;;)
    pause();
}

pid_t apart_make(void (*run)(void *context), void *context,
                 bool (*needed)(pid_t id)) {
  struct birth birth = {.run = run, .context = context, .is_needed = needed};
  sigset_t all, before;
  sem_init(&birth.done, 0, 0);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int failed = start_thread(&birth);
  if (!failed)
    while (sem_wait(&birth.done))
      ;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  sem_destroy(&birth.done);
  return failed ? failed : birth.pid;
}
