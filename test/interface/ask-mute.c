// Who asks a program for a checkpoint that has no descriptor to answer by, or
// may not, is told so, and does not wait for ever; the program goes on. Where
// it has too few for a checkpoint it says that.
// RUN: %behaviour %s -o %t
// RUN: %t %hwckpt few 2>&1 | FileCheck --check-prefix=FEW %s
// RUN: %t %hwckpt none 2>&1 | FileCheck --check-prefix=MUTE %s
// RUN: %t %hwckpt socket 2>&1 | FileCheck --check-prefix=SOCKET %s
// RUN: %t %hwckpt sending 2>&1 | FileCheck --check-prefix=MUTE %s
// RUN: %t %hwckpt child 2>&1 | FileCheck --check-prefix=DEAF %s
// FEW: EMFILE
// MUTE: HWCKPT-E509: {{.*}}it cannot answer
// SOCKET: HWCKPT-E208: {{.*}} forbids socket()
// DEAF: HWCKPT-E509: {{.*}}no thread of the runtime
#include "behaviour.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
static int go[2];
static char *tool;
/* Before anything is forbidden, by which it would be too. */
static pid_t begin_tool(void) {
  char pid[16], byte;
  snprintf(pid, sizeof pid, "%d", getpid());
  pid_t child = fork();
  CHECK(child >= 0);
  if (child)
    return child;
  CHECK_EQUAL(read(go[0], &byte, 1), 1);
  execl(tool, "hwckpt", "ckpt", pid, (char *)NULL);
  _exit(1);
}
static void ask(pid_t child) {
  int status;
  CHECK_EQUAL(write(go[1], "x", 1), 1);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 125);
}
static void allow_descriptors(unsigned count) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = count;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}
/* The call ends the process, whichever thread makes it. */
static void forbid(int number) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK_EQUAL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      SECCOMP_FILTER_FLAG_TSYNC, &program),
              0);
}
static void *wait_for_ever(void *unused) {
  CHECK_EQUAL(pause(), 0);
  return unused;
}
/* Threads of the runtime are under filters when the program has others too. */
static void forbid_all(int number) {
  pthread_t other;
  CHECK_EQUAL(pthread_create(&other, NULL, wait_for_ever, NULL), 0);
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  forbid(number);
}
int main(int count, char **arguments) {
  CHECK(count == 3 && pipe(go) == 0);
  tool = arguments[1];
  alarm(60);
  if (!strcmp(arguments[2], "child")) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child) {
      CHECK(waitpid(child, &status, 0) == child);
      return status != 0;
    }
  }
  pid_t asking = begin_tool();
  if (!strcmp(arguments[2], "few"))
    allow_descriptors(6);
  else if (!strcmp(arguments[2], "socket"))
    forbid_all(SYS_socket);
  else if (!strcmp(arguments[2], "sending"))
    forbid_all(SYS_sendto);
  else
    allow_descriptors(0);
  ask(asking);
  return 0;
}
