// Filters of system calls that a program installed by right (CAP_SYS_ADMIN),
// without no_new_privs, are in force after a restore by who has the right too;
// who has not is refused, and the program does not run without them.
// RUN: %behaviour %s -o %t && bash %S/Inputs/filters-by-right %hwckpt %t
#include "behaviour.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

int main(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
    SKIP("needs the right to install filters");
  die_and_come_back();
  CHECK(syscall(SYS_getpgrp) < 0 && errno == EDOM);
  CHECK_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  CHECK_EQUAL(write(1, "in force\n", 9), 9);
  return 0;
}
