// A write to a variable marked hwckpt::watch is a checkpoint event, which the
// record names: with the debug registers whoever writes, in threads born before
// and later, and nobody else; with the compiler's checks alone what the
// compiler sees. Each write is one event.
// RUN: %behaviour -std=gnu23 -DLIBRARY -shared -fPIC %s -o %t.so
// RUN: %behaviour -std=gnu23 %s -o %t -ldl
// RUN: %t hardware %t.so
// RUN: %hwckpt show --json | FileCheck %s
// RUN: HWCKPT_OPTIONS=debug_registers=0 %t checks %t.so
// RUN: %behaviour -std=gnu23 -O0 -static %s -o %t 2>/dev/null && HWCKPT_OPTIONS=debug_registers=0 %t checks - && %t hardware -
// CHECK: "event": "watch"
// CHECK: "cause": "last (4 bytes at 0x{{[0-9a-f]+}}), seen by a debug register"
#ifdef LIBRARY
[[hwckpt::watch]] static int in_library;
void write_in_library(int value);
void write_in_library(int value) { in_library = value; }
#else
#include "behaviour.h"

#include <dlfcn.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct pair {
  int first;
  long second;
};

[[hwckpt::watch]] static long counter;
[[hwckpt::watch]] static char byte;
[[hwckpt::watch]] static int last;
[[hwckpt::watch]] static struct pair big[4]; // more than registers hold
static long neighbour[2];

static int writes; // that are to be events
static int pipe_ends[2];

// One more event than before, and no other.
static void expect_event(void) {
  double begin = now();
  writes++;
  while ((int)generations() < writes)
    CHECK(now() - begin < 20);
  usleep(20000);
  CHECK_EQUAL(generations(), writes);
}

static bool have_breakpoints(void) {
  struct perf_event_attr attributes = {.size = sizeof attributes,
                                       .type = PERF_TYPE_BREAKPOINT,
                                       .bp_type = HW_BREAKPOINT_W,
                                       .bp_addr = (unsigned long)neighbour,
                                       .bp_len = 8,
                                       .sample_period = 1,
                                       .exclude_kernel = 1,
                                       .exclude_hv = 1,
                                       .remove_on_exec = 1,
                                       .sigtrap = 1};
  int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
  return fd >= 0 && close(fd) == 0;
}

// What the compiler cannot see through.
static long *hidden(long *p) {
  __asm__("" : "+r"(p));
  return p;
}

static void *writer(void *unused) {
  counter = 5;
  expect_event();
  return unused;
}

static void *hidden_writer(void *unused) {
  *hidden(&counter) = 6;
  expect_event();
  *(char *)hidden((long *)&byte) = 6;
  expect_event();
  return unused;
}

static void in_thread(void *(*function)(void *)) {
  pthread_t thread;
  pthread_create(&thread, 0, function, 0);
  pthread_join(thread, 0);
}

static void read_into_counter(long value) {
  CHECK(write(pipe_ends[1], &value, 8) == 8);
  CHECK(read(pipe_ends[0], &counter, 8) == 8);
}

static void in_child(void) {
  pid_t child = fork();
  if (!child) {
    counter = 9;
    *hidden(&counter) = 9;
    _exit(counter != 9);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void in_library(const char *path) {
  void *library = dlopen(path, RTLD_NOW);
  CHECK(library);
  void (*write_in_library)(int) =
      (void (*)(int))dlsym(library, "write_in_library");
  write_in_library(1);
  expect_event();
  CHECK(!dlclose(library));
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  bool hardware = !strcmp(argv[1], "hardware");
  if (hardware && !have_breakpoints())
    SKIP("no hardware breakpoints for this user");
  writes = (int)generations();
  CHECK(!pipe(pipe_ends));

  counter = 3;
  expect_event();
  counter = 3; // the same value is a write too
  expect_event();
  byte = 1;
  expect_event();
  __atomic_fetch_add(&last, 1, __ATOMIC_RELAXED);
  expect_event();
  big[2].second = 2;
  expect_event();
  in_thread(writer);
  if (hardware) {
    *hidden(&counter) = 4;
    expect_event();
    in_thread(hidden_writer);
  }
  // By a system call.
  read_into_counter(7);
  expect_event();
  read_into_counter(7); // a call that leaves it as it was
  neighbour[0] = neighbour[1] = counter;
  in_child();
  if (strcmp(argv[2], "-") != 0)
    in_library(argv[2]);
  memset(big, 1, sizeof big);
  expect_event();
  last = 8;
  expect_event();
  CHECK_EQUAL(close(pipe_ends[0]) | close(pipe_ends[1]), 0);
  return 0;
}
#endif
