// Children that may not ask who their parent is: where a filter of system calls
// answers with an error they are checkpointed like others; where it would end
// them the checkpoint is refused by that name, at once, and they go on.
// RUN: %behaviour %s -o %t
// RUN: %restored_by_all -- %t
// RUN: %hwckpt run -- %t ends 2> %t.said
// RUN: grep -q 'E208.*getppid()' %t.said && ! grep -q E231 %t.said
#include "behaviour.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
static void forbid(int number, unsigned action) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}
static _Noreturn void live(int asked, int answer, unsigned action) {
  char byte;
  CHECK_EQUAL(write(answer, "r", 1), 1);
  while (read(asked, &byte, 1) == 1) {
    byte = action == SECCOMP_RET_KILL_PROCESS ||
           (syscall(SYS_getppid) < 0 && errno == EDOM);
    CHECK_EQUAL(write(answer, &byte, 1), 1);
  }
  _exit(7);
}
int main(int argc, char **argv) {
  int asks[2], answers[2], status;
  char byte = 0;
  unsigned action =
      argc == 1 ? SECCOMP_RET_ERRNO | EDOM : SECCOMP_RET_KILL_PROCESS;
  CHECK(argc <= 2 && pipe(asks) == 0 && pipe(answers) == 0);
  forbid(SYS_getppid, action);
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child) {
    close(asks[1]);
    live(asks[0], answers[1], action);
  }
  close(asks[0]);
  CHECK_EQUAL(read(answers[0], &byte, 1), 1);
  if (argc == 1)
    die_and_come_back();
  else
    CHECK_EQUAL(__builtin_ckpt_save(), -EOPNOTSUPP);
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(write(asks[1], "", 1), 1);
    CHECK(read(answers[0], &byte, 1) == 1 && byte == 1);
    if (argc == 1 && i == 0)
      CHECK(__builtin_ckpt_save() >= 0);
  }
  close(asks[1]);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  return argv[0] == NULL;
}
