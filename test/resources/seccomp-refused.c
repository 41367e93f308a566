// A program whose filters of system calls forbid what a checkpoint takes is
// told so, by name, and goes on; so is one with a thread in strict mode, until
// that has ended, one whose filter asks another process, and one with a filter
// that was not seen as it was installed. What undo logs take is left alone
// where it is forbidden.
// RUN: %behaviour %s -o %t
// RUN: %by_all bash -o pipefail -c '%hwckpt run -- %t futex 2>&1 | FileCheck %s -check-prefix=FUTEX'
// FUTEX: HWCKPT-E208: {{.*}}a filter of the program forbids futex() to
// FUTEX: goes on
// RUN: %by_all bash -o pipefail -c '%hwckpt run -- %t all 2>&1 | FileCheck %s -check-prefix=ALL'
// ALL: HWCKPT-E208: {{.*}}a filter of the program forbids pwrite64() to
// ALL: goes on
// RUN: %by_all bash -o pipefail -c '%hwckpt run -- %t strict 2>&1 | FileCheck %s -check-prefix=STRICT'
// STRICT: HWCKPT-E208: {{.*}}thread {{[0-9]+}} is in strict mode
// STRICT: goes on
// RUN: %by_all bash -o pipefail -c '%hwckpt run -- %t asks 2>&1 | FileCheck %s -check-prefix=ASKS'
// ASKS: HWCKPT-E208: {{.*}}a filter that asks another process
// ASKS: goes on
// RUN: %by_all bash -o pipefail -c '%hwckpt run -- %t keeps kept 2>&1 | FileCheck %s -check-prefix=KEEPS'
// KEEPS-NOT: E208
// KEEPS: goes on
// RUN: %by_all bash -o pipefail -c '%hwckpt run -- %t unseen 2>&1 | FileCheck %s -check-prefix=UNSEEN'
// UNSEEN: HWCKPT-E208: {{.*}}1 filters, which were not seen
// UNSEEN: goes on
#include "behaviour.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>

static long raw(long number, long a, long b, const void *c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}

/* The action at that call. */
static long install(int number, unsigned action, int flags, int seen) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  return seen ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program)
              : raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int ends[2], ready[2];

static void *reads(void *unused) {
  char byte;
  if (unused)
    CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
  raw(SYS_write, ready[1], (long)&byte, (void *)1);
  raw(SYS_read, ends[0], (long)&byte, (void *)1);
  raw(SYS_exit, 0, 0, NULL);
  return NULL;
}

static pthread_t start_reader(void *strict) {
  pthread_t thread;
  char byte;
  CHECK(pipe(ends) == 0 && pipe(ready) == 0);
  CHECK_EQUAL(pthread_create(&thread, NULL, reads, strict), 0);
  CHECK_EQUAL(read(ready[0], &byte, 1), 1);
  return thread;
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  if (strcmp(argv[1], "futex") == 0) {
    CHECK_EQUAL(install(SYS_futex, SECCOMP_RET_KILL_PROCESS, 0, 1), 0);
  } else if (strcmp(argv[1], "all") == 0) {
    start_reader(NULL);
    CHECK_EQUAL(install(SYS_pwrite64, SECCOMP_RET_KILL_PROCESS,
                        SECCOMP_FILTER_FLAG_TSYNC, 1),
                0);
  } else if (strcmp(argv[1], "unseen") == 0) {
    CHECK_EQUAL(install(SYS_pwrite64, SECCOMP_RET_ERRNO, 0, 0), 0);
  } else if (strcmp(argv[1], "keeps") == 0) {
    int file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQUAL(write(file, "1", 1), 1);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    CHECK_EQUAL(install(SYS_statx, SECCOMP_RET_KILL_PROCESS, 0, 1), 0);
    CHECK_EQUAL(pwrite(file, "2", 1, 0), 1);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  } else if (strcmp(argv[1], "asks") == 0) {
    CHECK(install(SYS_getpgrp, SECCOMP_RET_USER_NOTIF,
                  SECCOMP_FILTER_FLAG_NEW_LISTENER, 1) >= 0);
  } else {
    pthread_t reader = start_reader(argv);
    CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    pthread_join(reader, NULL);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  }
  if (strcmp(argv[1], "strict") != 0 && strcmp(argv[1], "keeps") != 0)
    CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  CHECK_EQUAL(write(1, "goes on\n", 8), 8);
  _exit(0);
}
