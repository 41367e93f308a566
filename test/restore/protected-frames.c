// With track=mprotect a signal comes when a thread has switched to a stack that
// was protected at the last stop, and has not written there: the kernel drops
// it, and it comes all the same, once. Where two handlers could be meant nobody
// can tell which; but a stack that was seen before is left open, and so is what
// lies above a guard.
// RUN: %clang -fhwckpt -O1 %s -o %t -pthread
// RUN: %hwckpt run --options track=mprotect -- %t
#include "Inputs/come-back.h"
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { STACK = 256 << 10, ALL = 16 * STACK };
static volatile int standing, first, second;
static pthread_t self;

static void on_first(int number) { first += number != 0; }
static void on_second(int number) { second += number != 0; }

static void *send(void *signals) {
  for (const int *number = signals; *number; number++) {
    while (!standing)
      ;
    standing = 0;
    CHECK(pthread_kill(self, *number) == 0);
  }
  return NULL;
}

// Stands on the stack until the signal has been handled, writing nothing there.
static void stand(char *stack, volatile int *handled) {
  __asm__ volatile("mov %%rsp, %%rbx\n\t"
                   "mov %0, %%rsp\n\t"
                   "movl $1, (%2)\n"
                   "1:\n\t"
                   "pause\n\t"
                   "cmpl $0, (%1)\n\t"
                   "je 1b\n\t"
                   "mov %%rbx, %%rsp"
                   :
                   : "r"(stack), "r"(handled), "r"(&standing)
                   : "rbx", "cc", "memory");
}

// Memory that holds something, with as much on both sides that cannot be
// touched: with 2 MiB it does not look like a stack.
static char *between(size_t size, size_t beside) {
  char *all = mmap(NULL, size + 2 * beside, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(all != MAP_FAILED);
  CHECK(mprotect(all + beside, size, PROT_READ | PROT_WRITE) == 0);
  return memset(all + beside, 1, size);
}

int main(void) {
  static const int once[] = {SIGUSR1, 0}, both[] = {SIGUSR1, SIGUSR2, 0};
  struct sigaction action = {.sa_handler = on_first};
  pthread_t sender;
  self = pthread_self();
  char *plain = between(ALL, 2 << 20), *guarded = between(STACK, STACK);
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  save();
  save();
  CHECK(pthread_create(&sender, NULL, send, (void *)once) == 0);
  stand(plain + ALL / 2, &first);
  CHECK(pthread_join(sender, NULL) == 0 && first == 1);
  action.sa_handler = on_second;
  CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
  for (int i = 0; i < 2; i++) {
    char *stack = i ? guarded + STACK : plain + ALL / 2 - 100;
    save();
    first = second = 0;
    CHECK(pthread_create(&sender, NULL, send, (void *)both) == 0);
    stand(stack, &first);
    stand(stack, &second);
    CHECK(pthread_join(sender, NULL) == 0);
    CHECK(first == 1 && second == 1);
  }
  return 0;
}
