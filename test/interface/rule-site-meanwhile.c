// While a rule waits for a site that the source asks for, all else goes on: who
// rolls back, other events, critical sections, the other processes of a tree.
// What the rule asks for again meanwhile is the same checkpoint, also of a
// program with much new memory.
// RUN: %behaviour %s -o %t && rm -f %t.once
// RUN: %hwckpt run --name stale --on signal=USR1,site=100s -- %t stale %t.once
// RUN: %hwckpt run --name load --on signal=USR1,site=100s -- %t load
// RUN: %hwckpt run --name back --on signal=USR1,site=100s --on signal=USR2,then=rollback -- %t back
// RUN: %hwckpt run --name again --on signal=USR1,site=100s -- %t again
// RUN: %hwckpt run --name timer --on signal=USR1,site=100s --every 200ms -- %t timer
// RUN: %hwckpt run --name section --on signal=USR1,site=100s -- %t section
// RUN: %hwckpt run --name much --on signal=USR1,site=100s -- %t much
// RUN: %hwckpt run --name tree --on signal=USR1,site=100s -- %t tree
// RUN: %hwckpt run --name late --on signal=USR1,site=100s -- %t late
#include "behaviour.h"
#include <hwckpt.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define SOON 60 // s; no working runtime needs it, and the rule waits for longer

static double begin;
static char code[4]; // of poll_here(), where nothing is waited for

static void work(double seconds) {
  for (double end = now() + seconds; now() < end;)
    ;
}

static void in_time(void) { CHECK(now() - begin < SOON); }

// The site that is waited for.
[[clang::noinline]] static void poll_here(void) { __builtin_ckpt_poll(); }

// Until it is: it traps.
static void await_wait(void) {
  while (!memcmp(code, (char *)poll_here, sizeof code))
    in_time();
}

static void asks(void) {
  begin = now();
  raise(SIGUSR1);
  await_wait();
}

static void await_generation(unsigned long long number) {
  while (hwckpt_generation() < number)
    in_time();
}

// A site may trap for a short stop before, as for the first pages that are
// copied: then it is passed, and the wait is for the next time.
static void come_to_it(void) {
  do {
    if (memcmp(code, (char *)poll_here, sizeof code))
      poll_here();
    in_time();
  } while (hwckpt_generation() < 1);
}

// Of a rule that has its checkpoint, at a site.
static void stale(const char *once) {
  asks();
  come_to_it();
  if (first_time(once))
    roll_back();
  in_time();
}

static void load(void) {
  begin = now();
  if (came_back()) {
    in_time();
    return;
  }
  asks();
  roll_back();
}

static void back(void) {
  begin = now();
  if (came_back()) {
    in_time();
    return;
  }
  asks();
  raise(SIGUSR2);
  work(SOON);
  _exit(1);
}

static void again(void) {
  asks();
  asks();
  come_to_it();
  for (double end = now() + 0.5; now() < end;)
    poll_here();
  CHECK_EQUAL(hwckpt_generation(), 1);
}

static void timer(void) {
  begin = now();
  raise(SIGUSR1);
  await_generation(3);
}

static void section(void) {
  asks();
  CHECK_EQUAL(hwckpt_disable(), 0);
  in_time();
  CHECK_EQUAL(hwckpt_enable(), 0);
  come_to_it();
}

static void fill_much(void) {
  size_t size = 64u << 20;
  char *memory =
      mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 1, size);
}

static void much(void) {
  fill_much();
  asks();
  come_to_it();
}

static void counts(_Atomic long *count) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;)
    ++*count;
}

static void tree(void) {
  _Atomic long *count =
      mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(count != MAP_FAILED);
  pid_t child = fork();
  if (!child)
    counts(count);
  while (!*count)
    sched_yield();
  asks();
  for (int i = 0; i < 10; i++) {
    long before = *count;
    while (*count == before) /* it goes on */
      in_time();
  }
  CHECK_EQUAL(hwckpt_generation(), 0);
  come_to_it();
  CHECK(kill(child, SIGKILL) == 0 && waitpid(child, 0, 0) == child);
}

// The thread at the site is there when another process is ready at last.
static void late(void) {
  int ready[2];
  CHECK_EQUAL(pipe(ready), 0);
  pid_t child = fork();
  if (!child) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fill_much();
    CHECK_EQUAL(write(ready[1], "x", 1), 1);
    for (;;)
      pause();
  }
  char byte;
  CHECK_EQUAL(read(ready[0], &byte, 1), 1);
  asks();
  come_to_it();
  CHECK(kill(child, SIGKILL) == 0 && waitpid(child, 0, 0) == child);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*function)(void);
  } modes[] = {{"load", load},   {"back", back},       {"again", again},
               {"timer", timer}, {"section", section}, {"much", much},
               {"tree", tree},   {"late", late}};
  CHECK(argc >= 2);
  memcpy(code, (char *)poll_here, sizeof code);
  if (!strcmp(argv[1], "stale"))
    stale(argv[2]);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (!strcmp(argv[1], modes[i].name))
      modes[i].function();
  return 0;
}
