// Rules watch=: a write to that memory is an event, by whom and in whatever
// thread, system calls too; a write beside it is none. Each is counted.
// RUN: %behaviour -DOTHER -c %s -o %t.o && %behaviour %s %t.o -o %t && %t check
// RUN: %hwckpt run --on watch=counter --on watch=pair,16 -- %t writes
// RUN: %hwckpt show --json | FileCheck %s --check-prefix=CAUSE
// CAUSE: "event": "watch"
// CAUSE: "watch=pair,16 (16 bytes at 0x{{.*}}), seen by a debug register"
// RUN: test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody %hwckpt run --on watch=counter --on watch=pair,16 -- %t writes || test $? = 77
// By its address, of a program that lies where it was linked; and static.
// RUN: %behaviour -no-pie %s %t.o -o %t.fixed && %hwckpt run --name fixed --on watch=0x$(nm %t.fixed | awk '$3 == "counter" { print $1 }'),8,after,registers --on watch=pair -- %t.fixed writes
// RUN: %behaviour -static %s %t.o -o %t.static 2>/dev/null && %hwckpt run --name static --on watch=counter --on watch=pair -- %t.static writes
// What is not aligned takes a register for each piece.
// RUN: %hwckpt run --name pieces --on watch=$((0x$(nm %t.fixed | awk '$3 == "counter" { print $1 }') + 1)),7,registers -- %t.fixed goes-on 2>%t.said && count 0 <%t.said
// A part of a variable; what it executes need not have it.
// RUN: echo '#include <hwckpt.h>' >%t.c && echo 'int main(void) { return hwckpt_save(); }' >>%t.c && %behaviour %t.c -o %t.other
// RUN: %hwckpt run --name part --on watch=many,8 -- %t part %t.other 2>%t.said && count 0 <%t.said
// After a restore they are watched again.
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --name back --on watch=counter --on watch=pair -- %t die
// RUN: %hwckpt restore back
// What cannot be watched is said, and the program goes on.
// RUN: %hwckpt run --name bad --on watch=nothing --on watch=main --on watch=own --on watch=twice --on watch=0x10,8 --on watch=many,registers --on watch=many,100000M --on watch=counter --on watch=pair -- %t goes-on 2>&1 | FileCheck %s --check-prefix=BAD
// BAD-DAG: HWCKPT-E260: {{.*}}: watch=nothing: its file has no such variable
// BAD-DAG: HWCKPT-E260: {{.*}}: watch=main: it is no variable
// BAD-DAG: HWCKPT-E260: {{.*}}: watch=own: it is no variable, thread-local
// BAD-DAG: HWCKPT-E260: {{.*}}: watch=twice: several variables
// BAD-DAG: HWCKPT-E261: {{.*}}: watch=0x10,8
// BAD-DAG: HWCKPT-E262: {{.*}}: watch=many,registers
// BAD-DAG: HWCKPT-E261: {{.*}}: watch=many,100000M
// RUN: %hwckpt run --name off -o debug_registers=0 --on watch=counter,registers -- %t goes-on 2>&1 | FileCheck %s --check-prefix=OFF
// OFF: HWCKPT-E262: {{.*}}: watch=counter,registers: debug_registers=0
// RUN: %python -c 'import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; os.execv(sys.argv[1], sys.argv[1:])' %hwckpt run --name code --on watch=counter --on watch=many -- %t goes-on 2>&1 | FileCheck %s --check-prefix=CODE
// CODE: HWCKPT-E263: {{.*}} cannot be seen: libc
// CODE: HWCKPT-E264: {{.*}}: watch=many: its system calls are not seen
// RUN: for bad in watch watch= watch=0x,8 watch=0x10 watch=0x10,0 watch=10,x watch=a,0 watch=a,soon watch=0xfffffffffffffff8,16; do bash %S/../tools/Inputs/status 2 %hwckpt run --on "$bad" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; done
#ifdef OTHER
static volatile int twice[2];
int *in_other(void);
int *in_other(void) { return (int *)twice; }
#else
#include "watched.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

long counter, neighbour; // one word each
static long pair[2] __attribute__((aligned(16)));
static char many[100] __attribute__((aligned(8)));
__thread int own;
static volatile int twice[2];
int *in_other(void);

static void *writer(void *unused) {
  *hidden(&counter) = 5;
  expect_event();
  return unused;
}

static void by_instructions(void) {
  pthread_t thread;
  *hidden(&counter) = 3;
  expect_event();
  *(char *)hidden(&counter) = 3; // the same value, a part of it
  expect_event();
  *hidden(&pair[1]) = 1;
  expect_event();
  *hidden(&neighbour) = 1;
  *hidden((long *)many) = 1;
  expect_nothing();
  pthread_create(&thread, 0, writer, 0);
  pthread_join(thread, 0);
}

static int ends[2];
static long value;

// Writes come while the call waits, longer than checkpoints take.
static void *writes_later(void *unused) {
  usleep(50000);
  value++;
  CHECK_EQUAL(write(ends[1], &value, sizeof value), sizeof value);
  return unused;
}

static void later(void (*call)(void)) {
  pthread_t thread;
  pthread_create(&thread, 0, writes_later, 0);
  call();
  expect_event();
  CHECK_EQUAL(counter, value);
  pthread_join(thread, 0);
}

static void calls_read(void) {
  CHECK_EQUAL(read(ends[0], &counter, sizeof counter), sizeof counter);
}

static void calls_recvmsg(void) {
  struct iovec part = {&counter, sizeof counter};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  CHECK_EQUAL(recvmsg(ends[0], &message, 0), sizeof counter);
}

static void by_calls(void) {
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  later(calls_read);
  later(calls_recvmsg);
  // What was there already: no change is no write, and beside it is none.
  CHECK_EQUAL(write(ends[1], &value, sizeof value), sizeof value);
  calls_read();
  CHECK_EQUAL(write(ends[1], &value, sizeof value), sizeof value);
  CHECK_EQUAL(read(ends[0], &neighbour, sizeof value), sizeof value);
  expect_nothing();
  value = 77;
  CHECK_EQUAL(write(ends[1], &value, sizeof value), sizeof value);
  struct iovec parts[2] = {{&neighbour, 4}, {&counter, 4}};
  CHECK_EQUAL(readv(ends[0], parts, 2), 8);
  expect_event();
  CHECK_EQUAL(close(ends[0]) | close(ends[1]), 0);
}

// It is watched in a child, too, from its first instruction on.
static void in_child(void) {
  int go[2];
  char byte = 0;
  CHECK_EQUAL(pipe(go), 0);
  pid_t child = fork();
  if (!child) {
    *hidden(&counter) = 9;
    CHECK_EQUAL(read(go[0], &byte, 1), 1);
    int file = open("/proc/self/stat", O_RDONLY);
    CHECK(file >= 0 && read(file, &counter, 8) == 8);
    CHECK_EQUAL(read(go[0], &byte, 1), 1);
    _exit(counter == 9);
  }
  for (int i = 0; i < 2; i++) {
    expect_event();
    CHECK_EQUAL(write(go[1], &byte, 1), 1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  expect_nothing();
  CHECK_EQUAL(close(go[0]) | close(go[1]), 0);
}

static void part(char *other) {
  writes = taken();
  *hidden(&many[0]) = 1;
  expect_event();
  *hidden(&many[8]) = 1;
  expect_nothing();
  pid_t child = fork();
  if (!child) {
    execv(other, &other);
    _exit(9);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
  CHECK(argc >= 2 && in_other());
  if (!strcmp(argv[1], "part")) {
    part(argv[2]);
    return 0;
  }
  if (!strcmp(argv[1], "check"))
    return own + twice[0];
  if (!strcmp(argv[1], "goes-on"))
    return __builtin_ckpt_save(); // when all is said
  writes = taken();
  if (!strcmp(argv[1], "die")) {
    die_and_come_back();
    usleep(100000); // until they are
    writes = taken();
  }
  by_instructions();
  by_calls();
  in_child();
  *hidden(&pair[0]) = 8;
  expect_event();
  return 0;
}
#endif
