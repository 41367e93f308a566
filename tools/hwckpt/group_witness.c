/* group_witness.c - see group_witness.h. */
#include "group_witness.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNALS 65
#define STACK ((size_t)64 << 10)

/* How often each came since the last answer. */
struct testimony {
  uint16_t count[SIGNALS];
};

static struct {
  pid_t pid;
  int socket;
  struct testimony left; /* told, not asked for yet */
} witness;

struct birth {
  int socket; /* its end */
  pid_t pid;
  sem_t done;
};

/* The witness. Of the tool it keeps nothing: no pipe that others wait for, no
 * lock. */
static _Noreturn void see(int socket) {
  struct timespec at_once = {0};
  struct testimony seen;
  sigset_t all;
  char question;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, GROUP_WITNESS_NAME);
  if (dup2(socket, 0) < 0)
    _exit(1);
  syscall(SYS_close_range, 1u, ~0u, 0u);
  (void)!chdir("/");
  sigfillset(&all);
  while (recv(0, &question, 1, 0) == 1) { /* until the tool is gone */
    memset(&seen, 0, sizeof seen);
    for (int number; (number = sigtimedwait(&all, NULL, &at_once)) > 0;)
      seen.count[number]++;
    if (send(0, &seen, sizeof seen, MSG_NOSIGNAL) < 0)
      break;
  }
  _exit(0);
}

/* A thread, which stays: children of the first one are the program's processes,
 * as far as the program sees that without asking. */
static void *bear(void *context) {
  struct birth *birth = context;
  birth->pid = fork();
  if (!birth->pid)
    see(birth->socket);
  sem_post(&birth->done);
  for (;;)
    pause();
}

static pid_t make(int socket) {
  struct birth birth = {.socket = socket, .pid = -1};
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  sem_init(&birth.done, 0, 0);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  if (!pthread_create(&thread, &attributes, bear, &birth))
    while (sem_wait(&birth.done))
      ;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return birth.pid;
}

pid_t group_witness_begin(void) {
  /* Somebody may stop it: then the program is told twice, not never. */
  const struct timeval limit = {.tv_sec = 1};
  int ends[2];
  if (witness.pid)
    return witness.pid;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
    return 0;
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  pid_t pid = make(ends[1]);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return 0;
  }
  witness.pid = pid;
  witness.socket = ends[0];
  return pid;
}

void group_witness_end(void) {
  if (!witness.pid)
    return;
  kill(witness.pid, SIGKILL);
  waitpid(witness.pid, NULL, 0);
  close(witness.socket);
  witness.pid = 0;
}

bool group_witness_got(int number) {
  struct testimony seen;
  if (!witness.pid || number <= 0 || number >= SIGNALS)
    return false;
  if (send(witness.socket, "", 1, MSG_NOSIGNAL) != 1 ||
      recv(witness.socket, &seen, sizeof seen, 0) != sizeof seen) {
    group_witness_end();
    return false;
  }
  for (int i = 1; i < SIGNALS; i++)
    /* Of the others, the tool too has one for several. */
    witness.left.count[i] =
        i < SIGRTMIN ? (witness.left.count[i] || seen.count[i])
                     : (uint16_t)(witness.left.count[i] + seen.count[i]);
  if (!witness.left.count[number])
    return false;
  witness.left.count[number]--;
  return true;
}
