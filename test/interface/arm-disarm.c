// Sites are armed and disarmed again and again while many threads run through
// them: no trap is lost or stray, and the text is what it was. So too where
// pages may not be writable and executable at once, with a breakpoint of
// somebody else in the text, and while libraries come and go. The stress tier
// wants 1,000 times a second, for ten seconds.
// RUN: rm -rf %t && mkdir %t
// RUN: %clang -fhwckpt -O1 -c -DWORK=work_trap %s -o %t/trap.o
// RUN: %clang -fhwckpt -fhwckpt-hook=insn -O1 -c -DWORK=work_insn %s -o %t/insn.o
// RUN: %clang -fhwckpt -O1 -shared -fPIC -DWORK=work_library %s -o %t/library.so
// RUN: %clang -O1 -I%src -I%objects/runtime/pb -I/usr/include/nanopb -pthread %s %t/trap.o %t/insn.o %objects/runtime/hwckpt_rt_open.o -o %t/main -rdynamic
// RUN: %t/main %t/library.so threads
// RUN: %t/main %t/library.so threads wx
// RUN: %t/main %t/library.so threads breakpoint
// RUN: %t/main %t/library.so libraries
// RUN: %clang -O1 -I%src -I%objects/runtime/pb -I/usr/include/nanopb -pthread -static %s %t/trap.o %t/insn.o %objects/runtime/hwckpt_rt_open.o -o %t/main 2>/dev/null && %t/main - threads
// RUN: %clang -O1 -I%src -I%objects/runtime/pb -I/usr/include/nanopb -pthread -static-pie %s %t/trap.o %t/insn.o %objects/runtime/hwckpt_rt_open.o -o %t/main 2>/dev/null && %t/main - threads
// RUN: %clang -O1 -I%src -I%objects/runtime/pb -I/usr/include/nanopb -pthread -no-pie %s %t/trap.o %t/insn.o %objects/runtime/hwckpt_rt_open.o -o %t/main && %t/main - threads
#ifdef WORK
unsigned long WORK(unsigned long x, long n) {
  for (long i = 0; i < n; i++)
    x = x * 6364136223846793005UL + 1442695040888963407UL;
  return x;
}
#else
#define _GNU_SOURCE
#include "runtime/interface/sites.h"
#include "runtime/support/quiesce.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      dprintf(2, "%d: not so: %s\n", __LINE__, #condition);                    \
      _exit(1);                                                                \
    }                                                                          \
  } while (0)

typedef unsigned long work(unsigned long x, long n);
work work_trap, work_insn;
#define TEXT 64        // bytes of each that are looked at

static atomic_int stop, stopped, arms;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// On a thread of the runtime, as in earnest: it has no libc. Arms with each
// millisecond that begins, disarms in the middle of it, and what it was late
// for at once.
#define PERIOD 1000000 // ns
static void sleep_until(struct timespec *due) {
  due->tv_nsec += PERIOD / 2;
  if (due->tv_nsec >= 1000000000) {
    due->tv_nsec -= 1000000000;
    due->tv_sec++;
  }
  syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, due, 0);
}

static void arm_and_disarm(void *unused) {
  (void)unused;
  struct timespec due;
  syscall(SYS_setpriority, PRIO_PROCESS, 0, -20); // where root runs the tests
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &due);
  while (!atomic_load(&stop)) {
    sites_arm();
    sleep_until(&due);
    sites_disarm();
    sleep_until(&due);
    atomic_fetch_add(&arms, 1);
  }
  atomic_store(&stopped, 1);
  for (;;)
    syscall(SYS_exit, 0);
}

static unsigned long expected[2];
static void *run(void *number) {
  work *mine = (long)number % 2 ? work_trap : work_insn;
  setpriority(PRIO_PROCESS, 0, 19); // leaves the arming thread its share
  while (!atomic_load(&stop))
    CHECK(mine(1, 20000) == expected[0]);
  return 0;
}

// ---- somebody else's breakpoint ----

static unsigned char *breakpoint, under_it;
static atomic_int hits;

// As debuggers do, whatever the page's protection is just now.
static void write_byte(unsigned char *at, unsigned char byte) {
  int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  CHECK(pwrite(memory, &byte, 1, (off_t)at) == 1);
  close(memory);
}

static void debugger(int signal, siginfo_t *info, void *context) {
  greg_t *pc = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  if (!breakpoint || *pc != (greg_t)breakpoint + 1)
    _exit(2);
  atomic_fetch_add(&hits, 1);
  write_byte(breakpoint, under_it);
  --*pc;
}

// Before the runtime installs its own.
__attribute__((constructor(50))) static void before_the_runtime(void) {
  struct sigaction action = {.sa_sigaction = debugger, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, 0);
}

// ---- pages are writable or executable, not both ----

static void forbid_writable_text(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
               offsetof(struct seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_READ | PROT_WRITE | PROT_EXEC, 0,
               1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void load_and_unload(const char *path, int target) {
  int times = 0;
  for (; atomic_load(&arms) < target || times < 20; times++) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library);
    work *work_library = (work *)dlsym(library, "work_library");
    CHECK(work_library(1, 20000) == expected[0]);
    CHECK(!dlclose(library));
  }
}

int main(int argc, char **argv) {
  bool libraries = !strcmp(argv[2], "libraries");
  bool wx = argc > 3 && !strcmp(argv[3], "wx");
  bool foreign = argc > 3 && !strcmp(argv[3], "breakpoint");
  bool stress = atoi(getenv("HWCKPT_STRESS"));
  int target = stress ? 10000 : 200;
  int count = libraries ? 2 : 64;
  struct hwckpt_error error;
  unsigned char before[2][TEXT];

  // What they return without a site armed.
  expected[0] = work_trap(1, 20000);
  CHECK(expected[0] == work_insn(1, 20000));
  memcpy(before[0], (void *)work_trap, TEXT);
  memcpy(before[1], (void *)work_insn, TEXT);
  if (wx)
    forbid_writable_text();
  if (foreign) { // at the header of work_trap's loop: the first imul
    unsigned char *code = (unsigned char *)work_trap;
    while (memcmp(code, "\x0f\xaf", 2))
      code++;
    breakpoint = code - 1; // its prefix
    under_it = *breakpoint;
    write_byte(breakpoint, 0xCC);
  }

  CHECK(!quiesce_spawn(arm_and_disarm, 0, "arm", -1, &error));
  pthread_t threads[64];
  for (long i = 0; i < count; i++)
    pthread_create(&threads[i], 0, run, (void *)i);
  double begin = now();
  if (libraries)
    load_and_unload(argv[1], target);
  while (atomic_load(&arms) < target)
    usleep(1000);
  double seconds = now() - begin;
  atomic_store(&stop, 1);
  for (int i = 0; i < count; i++)
    pthread_join(threads[i], 0);
  while (!atomic_load(&stopped))
    usleep(1000);

  CHECK(!memcmp(before[0], (void *)work_trap, TEXT));
  CHECK(!memcmp(before[1], (void *)work_insn, TEXT));
  CHECK(atomic_load(&hits) >= foreign);
  printf("%.0f times a second\n", target / seconds);
  if (stress && !libraries)
    CHECK(target / seconds > 980);
  return 0;
}
#endif
