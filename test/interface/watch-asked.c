// hwckpt_watch() and __builtin_ckpt_watch(): memory that the program itself has
// watched, in C and C++; until hwckpt_unwatch(), and again after a restore and
// a rollback. What cannot be watched is a negative errno.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t function
// RUN: %hwckpt show --json | FileCheck %s --check-prefix=CAUSE
// CAUSE: "event": "watch"
// CAUSE: "hwckpt_watch() (8 bytes at 0x{{[1-9a-f].*}}), seen by a debug reg
// RUN: %hwckpt run --name builtin -- %t builtin
// RUN: %behaviour -x c++ %s -o %t.cxx && %hwckpt run --name cxx -- %t.cxx builtin
// RUN: %hwckpt run --name pages -o debug_registers=0 -- %t function
// RUN: %hwckpt show pages | grep '^cause  *hwckpt_watch() (8 bytes .*seen by the protection'
// RUN: for way in 1 0; do test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody %hwckpt run -o debug_registers=$way -- %t function || test $? = 77 || exit 1; done
// RUN: for way in 1 0; do bash %S/../tools/Inputs/status 137 %hwckpt run --name back$way -o debug_registers=$way -- %t die && %hwckpt restore back$way || exit 1; done
// RUN: %hwckpt run --name rolled -- %t rolls-back
// RUN: %hwckpt run --name rolled-pages -o debug_registers=0 -- %t rolls-back
// A rule watches the same, and goes on when the program has had enough.
// RUN: %hwckpt run --name rule --on watch=shared -- %t rule
// RUN: %hwckpt run --name callback -- %t callback
// RUN: %hwckpt run --name overlap -o debug_registers=0 -- %t overlap
// RUN: %hwckpt run --name regions -- %t regions
// RUN: %hwckpt run --name masked -o debug_registers=0 -- %t masked
// RUN: %hwckpt run --name busy -- %t busy
// Another thread writes while it is unwatched, by registers and by pages.
// RUN: for way in 1 0; do %hwckpt run --name stops$way -o spacing=1h:debug_registers=$way -- %t stops || exit 1; done
// RUN: %hwckpt run --name errors -- %t errors 2>%t.said && FileCheck %s --check-prefix=SAID <%t.said
// RUN: %t errors-alone
// SAID: HWCKPT-E264: {{.*}}: hwckpt_watch(0x{{.*}}, 1000)
#include "watched.h"
#include <hwckpt.h>

#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define BIG 20000

long shared;
static int builtin;
static long *word; // on the heap, as this
static char *big;

static int watch(void *p, size_t n) {
  return builtin ? __builtin_ckpt_watch(p, n) : hwckpt_watch(p, n);
}

static void allocate(void) {
  CHECK((word = (long *)calloc(2, sizeof *word)) != 0);
  CHECK((big = (char *)calloc(1, BIG)) != 0);
}

// A call that no libc makes fails where pages are protected.
static long by_itself(void) { return syscall(SYS_getrandom, big + 8192, 8, 0); }

static int ends[2];

static volatile pid_t reader;

static void *reads(void *unused) {
  reader = gettid();
  CHECK_EQUAL(read(ends[0], big + 5000, 100), 100);
  return unused;
}

static void wait_until_it_reads(void) {
  char path[64], text[16] = "";
  while (!reader)
    sched_yield();
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", reader);
  while (strncmp(text, "0 ", 2)) { // the number of read()
    FILE *file = fopen(path, "re");
    CHECK(file && fgets(text, sizeof text, file));
    fclose(file);
  }
  reader = 0;
}

static void write_both(void) {
  *hidden(word) = 3;
  expect_event();
  big[12345]++;
  expect_event();
}

static void watched(void) {
  char text[100] = "text";
  pthread_t thread;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(watch(word, sizeof *word), 0);
  CHECK_EQUAL(watch(word, sizeof *word), 0); // no second one
  // A call that waits already when its memory comes to be watched.
  CHECK_EQUAL(pthread_create(&thread, 0, reads, 0), 0);
  wait_until_it_reads();
  CHECK_EQUAL(watch(big, BIG), 0);
  write_both();
  CHECK_EQUAL(write(ends[1], text, sizeof text), sizeof text);
  CHECK_EQUAL(pthread_join(thread, 0), 0);
  CHECK_EQUAL(strcmp(big + 5000, "text"), 0);
  expect_event();
}

static void unwatched(void) {
  CHECK_EQUAL(hwckpt_unwatch(word, 4), -ENOENT);
  CHECK_EQUAL(hwckpt_unwatch(word, sizeof *word), 0);
  CHECK_EQUAL(hwckpt_unwatch(word, sizeof *word), -ENOENT);
  *hidden(word) = 4;
  expect_nothing();
  big[1]++;
  expect_event();
  CHECK_EQUAL(hwckpt_unwatch(big, BIG), 0);
  CHECK_EQUAL(by_itself(), 8);
  memset(big, 0, BIG); // what is read the next time changes it
  *hidden(word) = 5;
  expect_nothing();
}

// As by_itself(), on the page of the word, which is by a debug register.
static long beside_word(void) { return syscall(SYS_getrandom, word + 1, 8, 0); }

static void writes_again(void) {
  long beside = 0;
  for (int i = 0; i < 6; i++) { /* more than there are registers */
    CHECK_EQUAL(watch(word, sizeof *word), 0);
    CHECK(!i || beside_word() == beside);
    beside = beside_word();
    CHECK_EQUAL(hwckpt_unwatch(word, sizeof *word), 0);
  }
  for (int i = 0; i < 3; i++) {
    watched();
    unwatched();
    CHECK_EQUAL(close(ends[0]) | close(ends[1]), 0);
  }
  CHECK_EQUAL(watch(word, sizeof *word), 0);
  *hidden(word) = 6;
  expect_event();
}

static void rolls_back(void) {
  CHECK_EQUAL(watch(word, sizeof *word), 0);
  if (!came_back()) {
    CHECK_EQUAL(hwckpt_unwatch(word, sizeof *word), 0);
    CHECK_EQUAL(watch(big, BIG), 0);
    roll_back();
  }
  usleep(300000); // it is watched within 0.1 s
  writes = taken();
  big[1]++;
  CHECK_EQUAL(by_itself(), 8);
  expect_nothing();
  *hidden(word) = 7;
  expect_event();
  CHECK_EQUAL(hwckpt_unwatch(big, BIG), -ENOENT);
  CHECK_EQUAL(watch(big, BIG), 0);
  write_both();
}

static void rule(void) {
  *hidden(&shared) = 1;
  expect_event();
  CHECK_EQUAL(watch(&shared, sizeof shared), 0);
  CHECK_EQUAL(hwckpt_unwatch(&shared, sizeof shared), 0);
  *hidden(&shared) = 2;
  expect_event();
}

static int on_checkpoint(enum hwckpt_moment moment, void *unused) {
  (void)unused;
  if (moment == HWCKPT_BEFORE)
    CHECK_EQUAL(watch(word, sizeof *word), 0);
  return 0;
}

static void callback(void) {
  CHECK_EQUAL(hwckpt_callback("watch", on_checkpoint, 0), 0);
  CHECK_EQUAL(hwckpt_save(), 0);
  usleep(300000); // as after a restore
  writes = taken();
  *hidden(word) = 1;
  expect_event();
}

// A page within many that are watched already.
static void overlap(void) {
  char *pages = (char *)aligned_alloc(4096, 5 * 4096);
  CHECK(pages != 0);
  memset(pages, 0, 5 * 4096);
  CHECK_EQUAL(watch(pages + 2 * 4096 + 100, 100), 0);
  CHECK_EQUAL(watch(pages, 5 * 4096), 0);
  for (int i = 0; i < 5; i++) {
    pages[i * 4096 + 150]++;
    expect_event();
  }
  CHECK_EQUAL(hwckpt_unwatch(pages, 5 * 4096), 0);
  pages[0]++, pages[3 * 4096]++;
  expect_nothing();
  pages[2 * 4096 + 150]++;
  expect_event();
}

// The runtime itself writes there.
static void regions(void) {
  CHECK_EQUAL(hwckpt_region("set", "big", big, BIG, HWCKPT_BYTES), 0);
  memset(big, 1, BIG);
  CHECK_EQUAL(hwckpt_region_save("set"), 1);
  memset(big, 2, BIG);
  CHECK_EQUAL(watch(big, BIG), 0);
  CHECK_EQUAL(hwckpt_region_load("set"), 1);
  CHECK(big[0] == 1 && big[BIG / 2] == 1 && big[BIG - 1] == 1);
  expect_event();
  big[1]++;
  expect_event();
}

static void *writes_masked(void *unused) {
  sigset_t all;
  sigfillset(&all);
  CHECK_EQUAL(pthread_sigmask(SIG_SETMASK, &all, 0), 0);
  big[1]++;
  expect_event();
  return unused;
}

// All signals are blocked, before it is watched or since.
static void masked(void) {
  sigset_t all;
  pthread_t thread;
  sigfillset(&all);
  CHECK_EQUAL(sigprocmask(SIG_SETMASK, &all, 0), 0);
  CHECK_EQUAL(watch(big, BIG), 0);
  big[1]++;
  expect_event();
  CHECK_EQUAL(pthread_create(&thread, 0, writes_masked, 0), 0);
  CHECK_EQUAL(pthread_join(thread, 0), 0);
  CHECK_EQUAL(sigprocmask(SIG_SETMASK, &all, 0), 0);
  big[1]++;
  expect_event();
}

static volatile int entered;

static int takes_long(enum hwckpt_moment moment, void *unused) {
  (void)unused;
  entered = 1;
  if (moment == HWCKPT_BEFORE)
    usleep(500000);
  return 0;
}

// It is unwatched when the call returns, however long the runtime is busy.
static void busy(void) {
  CHECK_EQUAL(watch(big, BIG), 0);
  CHECK_EQUAL(hwckpt_callback("long", takes_long, 0), 0);
  CHECK_EQUAL(hwckpt_request(), 0);
  while (!entered)
    sched_yield();
  CHECK_EQUAL(hwckpt_unwatch(big, BIG), 0);
  CHECK_EQUAL(by_itself(), 8);
}

static volatile bool done;

static void *writes_on(void *unused) {
  while (!done)
    ++*(volatile long *)word;
  return unused;
}

static void stops(void) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, 0, writes_on, 0), 0);
  for (int i = 0; i < 200; i++) {
    CHECK_EQUAL(watch(word, sizeof *word), 0);
    CHECK_EQUAL(hwckpt_unwatch(word, sizeof *word), 0);
  }
  done = true;
  pthread_join(thread, 0);
}

static void errors(bool alone) {
  char local[1000];
  CHECK_EQUAL(watch(0, 8), -EINVAL);
  CHECK_EQUAL(watch(word, 0), -EINVAL);
  CHECK_EQUAL(watch((void *)-8l, 16), -EINVAL);
  char *gone = (char *)mmap(0, 8192, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK_EQUAL(munmap(gone + 4096, 4096), 0);
  CHECK_EQUAL(watch(gone + 4096, 8), -EFAULT);
  CHECK_EQUAL(watch(gone + 4000, 97), -EFAULT);
  CHECK_EQUAL(watch(gone + 4000, 96), 0);
  CHECK_EQUAL(hwckpt_unwatch(gone + 4000, 96), 0);
  memset(local, 0, sizeof local);
  CHECK_EQUAL(watch(local, sizeof local), -ENOTSUP);
  stack_t other = {.ss_sp = calloc(1, 1 << 16), .ss_size = 1 << 16};
  CHECK(other.ss_sp && sigaltstack(&other, 0) == 0);
  CHECK_EQUAL(watch((char *)other.ss_sp + 20000, 1000), -ENOTSUP);
  for (int i = 0; i < 32; i++)
    CHECK_EQUAL(watch(big + 100 * i, 50), 0);
  CHECK_EQUAL(watch(word, sizeof *word), -ENOSPC);
  CHECK_EQUAL(hwckpt_unwatch(big, 50), 0);
  CHECK_EQUAL(watch(word, sizeof *word), 0);
  pid_t child = fork();
  if (!child) { // has what its parent has
    CHECK_EQUAL(watch(big, 1), alone ? -ENOSYS : -ENOSPC);
    CHECK_EQUAL(hwckpt_unwatch(big + 100, 50), alone ? -ENOSYS : 0);
    CHECK_EQUAL(watch(big, 1), alone ? -ENOSYS : 0);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  expect_nothing();
  *hidden(word) = 1;
  expect_event();
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  writes = taken();
  allocate();
  builtin = !strcmp(argv[1], "builtin");
  if (!strcmp(argv[1], "die")) {
    CHECK_EQUAL(watch(word, sizeof *word), 0);
    CHECK_EQUAL(watch(big, BIG), 0);
    die_and_come_back();
    usleep(300000); // both are within 0.1 s
    writes = taken();
    write_both();
    unwatched();
  } else if (!strcmp(argv[1], "rolls-back")) {
    rolls_back();
  } else if (!strcmp(argv[1], "rule")) {
    rule();
  } else if (!strcmp(argv[1], "callback")) {
    callback();
  } else if (!strcmp(argv[1], "overlap")) {
    overlap();
  } else if (!strcmp(argv[1], "regions")) {
    regions();
  } else if (!strcmp(argv[1], "masked")) {
    masked();
  } else if (!strcmp(argv[1], "busy")) {
    busy();
  } else if (!strcmp(argv[1], "stops")) {
    stops();
  } else if (!strcmp(argv[1], "errors")) {
    errors(false);
  } else if (!strcmp(argv[1], "errors-alone")) {
    errors(true);
  } else {
    writes_again();
  }
  return 0;
}
