// Attributes of the process come back. A seccomp filter of the program cannot
// be read and is refused; the program goes on.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %hwckpt run -- %t filter 2>&1 | FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}: seccomp: 1 filters
// CHECK: goes on
#include "behaviour.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
static void *look(void *unused) {
  CHECK_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
  return NULL;
}
static int filtered(void) {
  struct sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  struct sock_fprog program = {1, allow};
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  dprintf(2, "goes on\n");
  return 0;
}
int main(int argc, char **argv) {
  pthread_t thread;
  int subreaper = 0;
  if (argc == 2)
    return filtered();
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  die_and_come_back();
  look(NULL);
  CHECK_EQUAL(prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0), 0);
  CHECK_EQUAL(subreaper, 1);
  CHECK_EQUAL(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
  CHECK_EQUAL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
  pthread_create(&thread, NULL, look, NULL);
  pthread_join(thread, NULL);
  return 0;
}
