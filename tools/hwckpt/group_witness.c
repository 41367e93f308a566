/* group_witness.c - see group_witness.h. */
#include "group_witness.h"
#include "apart.h"

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

/* How often each came since the last answer. */
struct testimony {
  uint16_t count[SIGNALS];
};

static struct {
  pid_t pid;
  int socket;
  struct testimony left; /* told, not asked for yet */
} witness;

/* The witness. Of the tool it keeps nothing: no pipe that others wait for, no
 * lock. */
static _Noreturn void see(void *context) {
  const int *socket = context; /* its end */
  struct timespec at_once = {0};
  struct testimony seen;
  sigset_t all;
  char question;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, GROUP_WITNESS_NAME);
  if (dup2(*socket, 0) < 0)
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

pid_t group_witness_begin(void) {
  /* Somebody may stop it: then the program is told twice, not never. */
  const struct timeval limit = {.tv_sec = 1};
  int ends[2];
  if (witness.pid)
    return witness.pid;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
    return 0;
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  pid_t pid = apart_make(see, &ends[1], NULL);
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
