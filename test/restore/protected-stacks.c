// With track=mprotect a signal's frame is put on a stack that was protected at
// the last stop: of coroutines, and of a thread that stood on its alternate
// stack then. The kernel does not fault there, it ends the program.
// RUN: %clang -fhwckpt -O1 %s -o %t -pthread
// RUN: %python %S/Inputs/killed-anywhere --kills=2 --options=every=5ms:track=mprotect %hwckpt %t
#include "Inputs/come-back.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum { COROUTINES = 8, STACK = 256 << 10, ENOUGH = 200 };
static ucontext_t scheduler, coroutines[COROUTINES];
static volatile unsigned turns[COROUTINES], ticks, longs;
static volatile int over;

// Between others that cannot be touched: an area of its own.
static void *new_stack(void) {
  char *all =
      mmap(NULL, 3 * STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(all != MAP_FAILED);
  CHECK(mprotect(all + STACK, STACK, PROT_READ | PROT_WRITE) == 0);
  return all + STACK;
}

static void on_tick(int number) { ticks += number != 0; }

static void spend(int turns) {
  for (volatile int i = 0; i < turns;)
    i++;
}

static void on_alternate(int number) {
  spend(300000); // many stops find the thread here
  longs += number != 0;
}

// 3 KiB a level: what was protected is written from the top on.
__attribute__((noinline)) static int go_down(int levels, int spins) {
  volatile char room[3000];
  room[0] = room[2999] = (char)levels;
  if (levels)
    return go_down(levels - 1, spins) + room[0] - levels;
  spend(spins);
  return room[2999];
}

static void *work(void *stack) {
  const stack_t alternate = {.ss_sp = stack, .ss_size = STACK};
  CHECK(sigaltstack(&alternate, NULL) == 0);
  while (!over)
    CHECK(go_down(60, 20000) == 0);
  return NULL;
}

static void run(int number) {
  for (;;) {
    if (++turns[number] % 64 == 0)
      CHECK(go_down(20, 0) == 0);
    spend(2000);
    CHECK(swapcontext(&coroutines[number], &scheduler) == 0);
  }
}

int main(void) {
  pthread_t thread;
  struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
  const struct itimerval often = {{0, 200}, {0, 200}};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  action.sa_handler = on_alternate;
  action.sa_flags |= SA_ONSTACK;
  CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
  CHECK(pthread_create(&thread, NULL, work, new_stack()) == 0);
  for (int i = 0; i < COROUTINES; i++) {
    getcontext(&coroutines[i]);
    coroutines[i].uc_stack.ss_sp = new_stack();
    coroutines[i].uc_stack.ss_size = STACK - i * 512; // in a page, anywhere
    makecontext(&coroutines[i], (void (*)(void))run, 1, i);
  }
  CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
  for (int turn = 0; go_on() || ticks < ENOUGH || longs < ENOUGH; turn++) {
    for (int i = 0; i < COROUTINES; i++)
      CHECK(swapcontext(&scheduler, &coroutines[i]) == 0);
    if (turn % 5 == 0)
      CHECK(pthread_kill(thread, SIGALRM) == 0);
    if (turn % 16 == 0)
      CHECK(pthread_kill(thread, SIGUSR2) == 0);
  }
  over = 1;
  CHECK(pthread_join(thread, NULL) == 0);
  return 7;
}
