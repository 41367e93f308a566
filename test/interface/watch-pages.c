// Rules watch= of memory that debug registers do not hold: the protection of
// its pages tells. Writes beside it, on the same page, are no events, nor do
// they fail; nor system calls that write there.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run --on watch=counter,pages --on watch=big -- %t writes
// RUN: %hwckpt show --json | FileCheck %s --check-prefix=CAUSE
// CAUSE: "watch=counter,pages (8 bytes at 0x{{.*}}), seen by the protection
// RUN: test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody %hwckpt run --on watch=counter,pages --on watch=big -- %t writes || test $? = 77
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --name back --on watch=counter,pages --on watch=big -- %t die
// RUN: %hwckpt restore back
// RUN: %hwckpt run --name rolled --on watch=counter,pages --on watch=big -- %t rolls-back
// Before the write, which waits for the checkpoint.
// RUN: %hwckpt run --name before --on watch=counter,before --on watch=big,before -- %t before
// RUN: %hwckpt show before | grep '^cause  *watch=counter,before (8 bytes .*seen by a system call'
// Threads that write, read and are checkpointed all the time.
// RUN: %hwckpt run --name busy --on watch=big,spacing=20ms --every 5ms -- %t busy
// Signals come while a write is stepped over, and their handlers write too.
// RUN: %hwckpt run --name signals --on watch=counter,pages,spacing=1h -- %t signals
// A write is seen while other threads write beside it.
// RUN: %hwckpt run --name two --on watch=counter,pages -- %t two
// Calls of another thread open pages again and again: what is written in that
// very moment is seen, and once.
// RUN: %hwckpt run --name opens --on watch=big -- %t opens
// While a call waits that is to write to a large range, all other writes there
// are seen.
// RUN: %hwckpt run --name large --on watch=large -- %t large && %hwckpt run --name asked -- %t large asked
// Not both: one protection would hide the other's writes.
// RUN: %hwckpt run --name both -o track=mprotect --on watch=big -- %t both 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: HWCKPT-E264: {{.*}}: watch=big: track=mprotect protects
// Registers tell of a write behind it.
// RUN: for bad in watch=a,before,registers watch=a,registers,pages; do bash %S/../tools/Inputs/status 2 %hwckpt run --on "$bad" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; done
#include "watched.h"
#include <hwckpt.h>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static struct __attribute__((aligned(4096))) {
  long in_front, counter, behind;
  struct stat status;
} page; // whole
// The watched one lies among them.
__asm__(".globl counter\n.type counter, @object\n.size counter, 8\n"
        ".set counter, page + 8\n");
static char big[20000] __attribute__((aligned(64)));
extern long counter;
char large[1 << 20];
#define READ_TO (large + 500000)

static void beside(void) {
  for (int i = 0; i < 100; i++) {
    *hidden(&page.in_front) = i;
    *hidden(&page.behind) = i;
  }
  CHECK_EQUAL(page.in_front + page.behind, 198);
  CHECK_EQUAL(stat("/", &page.status), 0); // by a call
  CHECK(page.status.st_mode & S_IFDIR);
  expect_nothing();
}

static void *writer(void *unused) {
  *hidden(&counter) = 5;
  expect_event();
  big[12345] = 3;
  expect_event();
  return unused;
}

static void in_thread(void) {
  pthread_t thread;
  pthread_create(&thread, 0, writer, 0);
  pthread_join(thread, 0);
}

// What was written is served.
static void settle(void) {
  do {
    writes = taken();
    usleep(300000);
  } while (taken() != writes);
}

static void by_instructions(void) {
  *hidden(&counter) = 3;
  expect_event();
  beside();
  // Behind a call that writes to its page it may be open yet: then only another
  // value is seen.
  *(char *)hidden(&counter) = 4; // a part of it
  expect_event();
  *(char *)hidden(&counter) = 4; // the same value
  expect_event();
  // One that begins in front of it.
  memcpy(hidden((char *)&counter - 4), "12345678", 8);
  expect_event();
  static const int places[] = {0, 4095, 4096, 10000, 19999};
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
    big[places[i]]++;
    expect_event();
  }
  memset(big, 1, sizeof big); // many writes, one event or few
  double begin = now();
  unsigned long long before = writes;
  while (taken() == before)
    CHECK(now() - begin < 20);
  settle();
  CHECK(writes <= before + 6);
}

static int ends[2];

static void *writes_later(void *unused) {
  char text[100] = "text";
  usleep(50000);
  CHECK_EQUAL(write(ends[1], text, sizeof text), sizeof text);
  return unused;
}

static void by_calls(void) {
  pthread_t thread;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  // One that waits while its page is protected again and again.
  pthread_create(&thread, 0, writes_later, 0);
  big[4100] = 0;
  expect_event();
  CHECK_EQUAL(read(ends[0], big + 4100, 100), 100);
  expect_event();
  pthread_join(thread, 0);
  CHECK_EQUAL(memcmp(big + 4100, "text", 4), 0);
  writes_later(0);
  CHECK_EQUAL(recv(ends[0], &page.behind, 8, 0), 8); // beside it
  expect_nothing();
  CHECK_EQUAL(recv(ends[0], big, 92, MSG_DONTWAIT), 92);
  expect_event();
  CHECK_EQUAL(close(ends[0]) | close(ends[1]), 0);
}

static volatile sig_atomic_t own_faults;
static char *own_page;

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  CHECK((char *)info->si_addr == own_page);
  own_faults++;
  CHECK_EQUAL(mprotect(own_page, 4096, PROT_READ | PROT_WRITE), 0);
}

// The program's own protections count as ever.
static void by_the_program(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  CHECK_EQUAL(sigaction(SIGSEGV, &action, 0), 0);
  own_page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *(char *)hidden(own_page) = 1;
  CHECK_EQUAL(own_faults, 1);
  own_page = (char *)&page;
  CHECK_EQUAL(mprotect(own_page, 4096, PROT_READ), 0);
  *(volatile char *)hidden(own_page) = 1; // opens it itself
  CHECK_EQUAL(own_faults, 2);
  usleep(100000); // until it is watched again
  writes = taken();
  *hidden(&counter) = 11;
  expect_event();
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
    big[1]++;
    CHECK_EQUAL(read(go[0], &byte, 1), 1);
    CHECK_EQUAL(getrandom(big + 8192, 8, 0), 8);
    CHECK_EQUAL(read(go[0], &byte, 1), 1);
    _exit(counter != 9);
  }
  for (int i = 0; i < 3; i++) {
    expect_event();
    CHECK_EQUAL(write(go[1], &byte, 1), 1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  expect_nothing();
  CHECK_EQUAL(close(go[0]) | close(go[1]), 0);
}

static void all(void) {
  by_instructions();
  by_calls();
  in_thread();
  in_child();
  by_the_program();
}

// A write has its checkpoint behind it when it is done.
static void before(void) {
  for (int i = 1; i < 4; i++) {
    long was = counter;
    __asm__ volatile("lock incq counter(%%rip)" ::: "memory");
    CHECK_EQUAL(taken(), ++writes);
    CHECK_EQUAL(counter, was + 1);
    big[5000]++;
    CHECK_EQUAL(taken(), ++writes);
    CHECK_EQUAL(big[5000], i);
  }
  beside();
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(write(ends[1], "12345678", 8), 8);
  CHECK_EQUAL(read(ends[0], &counter, 8), 8);
  CHECK(taken() > writes);
  CHECK_EQUAL(close(ends[0]) | close(ends[1]), 0);
}

static _Atomic int done;

static void *busy(void *argument) {
  int number = (int)(long)argument, file = open("/dev/zero", O_RDONLY);
  unsigned char *own = (unsigned char *)big + 5000 * number;
  for (unsigned i = 0; !done; i++) {
    unsigned at = i * 7919 % 4000;
    own[at] = (unsigned char)i;
    CHECK_EQUAL(own[at], (unsigned char)i);
    own[4500]++;
    CHECK_EQUAL(read(file, own + 4100, 100), 100);
    page.in_front += number;
  }
  return 0;
}

static long handled;

static void on_signal(int number) {
  (void)number;
  page.behind++;
  handled++;
}

static void *signals(void *argument) {
  pthread_t to = *(pthread_t *)argument;
  while (!done)
    CHECK_EQUAL(pthread_kill(to, SIGUSR2), 0);
  return 0;
}

static void *writes_beside(void *unused) {
  while (!done)
    ++*(volatile long *)&page.behind;
  return unused;
}

static void two(void) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(pthread_create(&threads[i], 0, writes_beside, 0), 0);
  for (int i = 0; i < 15; i++) {
    double begin = now();
    writes = taken();
    // Another value: the page may be open for the others.
    *hidden(&counter) = i + 1;
    while (taken() == writes)
      CHECK(now() - begin < 60);
  }
  done = 1;
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], 0);
}

static void *receives(void *unused) {
  while (!done)
    CHECK(recv(ends[0], big + 5000, 100, MSG_DONTWAIT) < 0);
  return unused;
}

// Whether it may be written to, by a call that nobody sees and that changes
// nothing.
static int is_open(char *at) {
  char same = *at;
  struct iovec from = {&same, 1}, to = {at, 1};
  long result;
  register long tail __asm__("r10") = (long)&to;
  register long one __asm__("r8") = 1;
  register long flags __asm__("r9") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_process_vm_writev), "D"(getpid()), "S"(&from),
                     "d"(1), "r"(tail), "r"(one), "r"(flags)
                   : "rcx", "r11", "memory");
  return result == 1;
}

static void opens(void) {
  pthread_t thread;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(pthread_create(&thread, 0, receives, 0), 0);
  for (int i = 0; i < 60; i++) {
    while (i % 2 && is_open(big + 12345))
      ;
    while (i % 2 && !is_open(big + 12345))
      ;
    big[12345]++;
    expect_event();
  }
  done = 1;
  pthread_join(thread, 0);
}

static void *waits(void *unused) {
  CHECK_EQUAL(read(ends[0], READ_TO, 100), 4);
  return unused;
}

static void in_large(void) {
  static const int places[] = {0,      5000,   495615, 499712, 500100,
                               503807, 503808, 700000, 1048575};
  pthread_t thread;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  large[700000]++;
  expect_event();
  CHECK_EQUAL(pthread_create(&thread, 0, waits, 0), 0);
  usleep(100000);
  for (int i = 0; i < 2; i++)
    for (unsigned at = 0; at < sizeof places / sizeof *places; at++) {
      large[places[at]]++;
      expect_event();
    }
  CHECK_EQUAL(write(ends[1], "text", 4), 4);
  pthread_join(thread, 0);
  expect_event();
  CHECK_EQUAL(memcmp(READ_TO, "text", 4), 0);
  // All of it, parts and all, is given up and watched anew.
  CHECK_EQUAL(recv(ends[0], READ_TO, 4, MSG_DONTWAIT), -1);
  char *at = large + 600000 - (unsigned long)(large + 600000) % 4096;
  CHECK(mmap(at, 4096, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
  usleep(100000); // until it is watched again
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
    large[places[i]]++;
    expect_event();
  }
}

static void interrupted(void) {
  pthread_t thread, own = pthread_self();
  CHECK(signal(SIGUSR2, on_signal) != SIG_ERR);
  CHECK_EQUAL(pthread_create(&thread, 0, signals, &own), 0);
  long i = 0;
  for (double begin = now(); now() - begin < 1 || handled < 1000; i++)
    ++*(volatile long *)&page.in_front;
  done = 1;
  pthread_join(thread, 0);
  CHECK_EQUAL(page.in_front, i);
  CHECK_EQUAL(page.behind, handled);
  expect_nothing();
}

static int rolled_back(void) {
  struct hwckpt_statistics is;
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  return is.rollbacks != 0;
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  writes = taken();
  if (!strcmp(argv[1], "large")) {
    CHECK(argc == 2 || !hwckpt_watch(large, sizeof large));
    in_large();
    return 0;
  }
  if (!strcmp(argv[1], "before")) {
    before();
    return 0;
  }
  if (!strcmp(argv[1], "busy")) {
    pthread_t threads[4];
    for (long i = 0; i < 4; i++)
      pthread_create(&threads[i], 0, busy, (void *)i);
    for (double begin = now(); taken() < 12; usleep(10000))
      CHECK(now() - begin < 60);
    done = 1;
    for (int i = 0; i < 4; i++)
      pthread_join(threads[i], 0);
    return 0;
  }
  if (!strcmp(argv[1], "opens")) {
    opens();
    return 0;
  }
  if (!strcmp(argv[1], "signals")) {
    interrupted();
    return 0;
  }
  if (!strcmp(argv[1], "two")) {
    two();
    return 0;
  }
  if (!strcmp(argv[1], "both")) {
    for (int i = 0; i < 3; i++) {
      memset(big, i, sizeof big);
      CHECK(__builtin_ckpt_save() >= 0);
    }
    return 0;
  }
  if (!strcmp(argv[1], "die")) {
    die_and_come_back();
    usleep(300000); // until they are watched
    writes = taken();
  }
  if (!strcmp(argv[1], "rolls-back")) {
    counter = 1;
    CHECK(__builtin_ckpt_save() >= 0);
    CHECK_EQUAL(hwckpt_disable(), 0); // no checkpoint from here to the load
    if (!rolled_back()) {
      counter = 2;
      big[4096] = 2;
      roll_back();
    }
    CHECK_EQUAL(hwckpt_enable(), 0);
    CHECK_EQUAL(counter + big[4096], 1);
    settle();
  }
  all();
  return 0;
}
