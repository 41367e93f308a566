// With rollback_on a program that fails is rolled back to its checkpoint: at
// SIGSEGV, with its stack pointer wrong and its stack used up too, SIGBUS,
// SIGFPE, SIGILL, abort() and a failed check. What is not asked for, what it
// handles itself, and what others send does what it always did; so does what
// fails again and again.
// RUN: %behaviour %s -o %t
// RUN: (HWCKPT_OPTIONS=rollback_on=all:verbosity=1 %t all 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 0)
// RUN: grep -q 'SIGSEGV at 0x.*, address 0x10: rollback 1 of 3 to .*, .* pages, paused' %t.said
// RUN: grep -q 'rollback-faults.c:[0-9]*: check failed: kind != CHECK_FAILS: rollback 1 of 3' %t.said
// RUN: HWCKPT_OPTIONS=rollback_on=segv %t handled && HWCKPT_OPTIONS=rollback_on=all %t handled
// RUN: HWCKPT_OPTIONS=rollback_on=all %python -c 'import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); os.execv(sys.argv[1], sys.argv[1:])' %t open
// RUN: HWCKPT_OPTIONS=rollback_on=segv+handled:rollback_retries=2 %t first
// RUN: ulimit -c 0; export HWCKPT_OPTIONS=rollback_on=segv+check:rollback_retries=2
// RUN: (%t die 0 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 139) && grep -c '^come' %t.said | grep -cx 3
// RUN: grep -q 'HWCKPT-E290: .*SIGSEGV at .* after 2 rollbacks to generation 1' %t.said
// RUN: (%t die 7 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 134) && grep -c '^come' %t.said | grep -cx 3
// RUN: grep -q 'HWCKPT-E290: .*check failed: kind .* after 2' %t.said
// RUN: (%t die 4 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 136) && grep -c '^come' %t.said | grep -cx 1
// RUN: (%t die 6 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 134) && grep -c '^come' %t.said | grep -cx 1
// RUN: (%t sent 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 139) && grep -c '^come' %t.said | grep -cx 1
// RUN: (%t early 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 139) && not grep hwckpt %t.said
// RUN: (env -u HWCKPT_OPTIONS %t die 0 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 139) && grep -c '^come' %t.said | grep -cx 1
// RUN: (env -u HWCKPT_OPTIONS %t die 7 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 134)
// RUN: grep -q '^[^ ]*rollback-faults.c:[0-9]*: check failed: kind != CHECK_FAILS' %t.said
#include "behaviour.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum kind {
  SEGV,
  STACK_POINTER,
  STACK_USED,
  BUS,
  FPE,
  ILL,
  ABORT,
  CHECK_FAILS,
  THREAD,
  KINDS
};

static int use_stack(int depth) {
  volatile char room[65536];
  memset((char *)room, depth, sizeof room);
  return depth > 100000 ? 0 : use_stack(depth + 1) + room[depth % 100];
}

static void *fail_in_thread(void *zero) {
  *(volatile int *)((char *)zero + 16) = 1;
  return 0;
}

static char *short_file;
static volatile int zero;

static void fail(enum kind kind) {
  pthread_t thread;
  switch (kind) {
  case SEGV:
    *(volatile int *)(uintptr_t)(16 + zero) = 1;
    break;
  case STACK_POINTER:
    __asm__ volatile("mov $0x1000, %%rsp\n push %%rax" ::: "memory");
    break;
  case STACK_USED:
    use_stack(0);
    break;
  case BUS:
    short_file[0] = 1;
    break;
  case FPE:
    __asm__ volatile("xor %%ecx, %%ecx\n div %%ecx" ::: "eax", "ecx", "edx");
    break;
  case ILL:
    __asm__ volatile("ud2");
    break;
  case ABORT:
    abort();
  case CHECK_FAILS:
    hwckpt_check(kind != CHECK_FAILS);
    break;
  case THREAD:
    pthread_create(&thread, 0, fail_in_thread, (void *)(uintptr_t)zero);
    pthread_join(thread, 0);
    break;
  default:
    break;
  }
  _exit(3);
}

static void each_is_rolled_back(void) {
  char path[] = "/tmp/hwckpt-test-XXXXXX";
  struct hwckpt_statistics statistics;
  struct rlimit limit = {1 << 20, RLIM_INFINITY};
  setrlimit(RLIMIT_STACK, &limit);
  int fd = mkstemp(path);
  CHECK(fd >= 0 && unlink(path) == 0);
  short_file = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(short_file != MAP_FAILED && close(fd) == 0);
  for (int kind = 0; kind < KINDS; kind++) {
    volatile int local = kind;
    int n = __builtin_ckpt_save();
    CHECK_EQUAL(local, kind);
    CHECK(n == 0 || n == 1);
    if (n == 1)
      continue;
    local = -1;
    fail((enum kind)kind);
  }
  CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
  CHECK_EQUAL(statistics.rollbacks, KINDS);
  CHECK_EQUAL(statistics.faults_rolled_back, KINDS);
}

static sigjmp_buf recover;
static volatile int handled;
static void on_segv(int number) {
  (void)number;
  handled++;
  siglongjmp(recover, 1);
}

// The program's own handler goes first, and is told of; a restored default is
// rolled back.
static void own_handler(void) {
  struct sigaction action = {.sa_handler = on_segv}, told;
  CHECK_EQUAL(sigaction(SIGSEGV, &action, &told), 0);
  CHECK(told.sa_handler == SIG_DFL);
  sigset_t all, now;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, 0); // a fault is not blocked
  sigprocmask(SIG_BLOCK, 0, &now);
  CHECK(!sigismember(&now, SIGSEGV) && sigismember(&now, SIGTERM));
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (int i = 0; i < 3; i++)
    if (!sigsetjmp(recover, 1))
      fail(SEGV);
  CHECK_EQUAL(handled, 3);
  CHECK(signal(SIGSEGV, SIG_DFL) == on_segv);
  int n = __builtin_ckpt_save();
  if (n == 0)
    fail(SEGV);
  CHECK_EQUAL(n, 1);
}

// Signals of the processor's failures are open, whatever was blocked when the
// program began and whatever it blocks; others are not.
static void open_signals(void) {
  static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  sigset_t all, now;
  for (int round = 0; round < 2; round++) {
    sigprocmask(SIG_BLOCK, 0, &now);
    for (unsigned i = 0; i < sizeof open / sizeof *open; i++)
      CHECK(!sigismember(&now, open[i]));
    CHECK(sigismember(&now, SIGABRT) && sigismember(&now, SIGTERM));
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, 0);
  }
}

// Asked for, a rollback goes before the program's own handler, which has the
// failure that comes again and again.
static void before_own_handler(void) {
  CHECK(signal(SIGSEGV, on_segv) == SIG_DFL);
  int n = __builtin_ckpt_save();
  if (!sigsetjmp(recover, 1))
    fail(SEGV);
  CHECK_EQUAL(n, 2);
  CHECK_EQUAL(handled, 1);
}

// Each time it comes to the checkpoint it says so, and fails.
static void die_of(enum kind kind) {
  int n = __builtin_ckpt_save();
  dprintf(2, "come %d\n", n);
  fail(kind);
}

static void die_of_another(void) {
  int status;
  int n = __builtin_ckpt_save();
  dprintf(2, "come %d\n", n);
  pid_t program = getpid(), other = fork();
  if (other == 0)
    _exit(kill(program, SIGSEGV));
  waitpid(other, &status, 0);
  pause();
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  if (!strcmp(argv[1], "all"))
    each_is_rolled_back();
  else if (!strcmp(argv[1], "handled"))
    own_handler();
  else if (!strcmp(argv[1], "open"))
    open_signals();
  else if (!strcmp(argv[1], "first"))
    before_own_handler();
  else if (!strcmp(argv[1], "die"))
    die_of((enum kind)atoi(argv[2]));
  else if (!strcmp(argv[1], "sent"))
    die_of_another();
  else if (!strcmp(argv[1], "early"))
    fail(SEGV);
  return 0;
}
