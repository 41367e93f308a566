// Filters of system calls that a program has installed are in force after a
// restore: of each thread those that it had, one upon the other, of prctl(2),
// of seccomp(2) by syscall(), for all threads; new threads and children are
// under them, another can be installed, and another checkpoint be taken.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t && %restored_by_all -- %t all
#include "behaviour.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* A filter that answers one call with an error. */
static void forbid(int number, int error, int how) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (how < 0)
    CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
  else
    CHECK_EQUAL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, how, &program),
                0);
  memset(filter, 0, sizeof filter);
}

static int error_of(long number) {
  return syscall(number, -1, -1, -1) < 0 ? errno : 0;
}

static pthread_barrier_t barrier;

static void check(int first, int second, int third) {
  CHECK_EQUAL(error_of(SYS_getegid), first);
  CHECK_EQUAL(error_of(SYS_getpgrp), second);
  CHECK_EQUAL(error_of(SYS_getuid), third);
}

static int all;

static void *with_own(void *unused) {
  forbid(SYS_getpgrp, ENOTTY, SECCOMP_FILTER_FLAG_LOG);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  check(EDOM, ENOTTY, all ? EXDEV : 0);
  return unused;
}

static void *with_others(void *unused) {
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  check(EDOM, 0, all ? EXDEV : 0);
  return unused;
}

static void *born_late(void *unused) {
  check(EDOM, 0, EXDEV);
  return unused;
}

int main(int argc, char **argv) {
  pthread_t threads[2], late;
  (void)argv;
  all = argc > 1;
  CHECK_EQUAL(pthread_barrier_init(&barrier, NULL, 3), 0);
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  forbid(SYS_getegid, EDOM, -1);
  CHECK_EQUAL(
      pthread_create(&threads[0], NULL, all ? with_others : with_own, NULL), 0);
  CHECK_EQUAL(pthread_create(&threads[1], NULL, with_others, NULL), 0);
  pthread_barrier_wait(&barrier);
  forbid(SYS_getuid, EXDEV, all ? SECCOMP_FILTER_FLAG_TSYNC : 0);

  die_and_come_back();
  check(EDOM, 0, EXDEV);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  pthread_barrier_wait(&barrier);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  CHECK_EQUAL(pthread_create(&late, NULL, born_late, NULL), 0);
  pthread_join(late, NULL);
  forbid(SYS_getpgrp, EBADMSG, 0);
  check(EDOM, EBADMSG, EXDEV);
  pid_t child = fork();
  if (child == 0)
    _exit(error_of(SYS_getpgrp) != EBADMSG);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  return 0;
}
