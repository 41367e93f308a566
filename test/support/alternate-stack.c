// A thread that is stopped on its alternate signal stack, and one that has such
// a stack and is not on it, come back with it: the handler returns to where the
// signal was, later signals run on that stack.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
enum { SIZE = 65536 };
static char stacks[2][SIZE];
static _Atomic int in_handler, go_on, waits;
static int on(const char *stack) {
  char here;
  const char *volatile at = &here;
  return at >= stack && at < stack + SIZE;
}
static void first(int number) {
  (void)number;
  CHECK(on(stacks[0]));
  in_handler = 1;
  while (!go_on)
    ;
  CHECK(on(stacks[0]));
  stack_t now;
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_ONSTACK);
}
static _Atomic int second_ran;
static void second(int number) {
  (void)number;
  second_ran += on(stacks[1]);
}
static void use_stack(int i, int number, void (*handler)(int)) {
  stack_t stack = {.ss_sp = stacks[i], .ss_size = SIZE};
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  CHECK(sigaltstack(&stack, NULL) == 0 &&
        sigaction(number, &action, NULL) == 0);
}
static void *in_first(void *unused) {
  volatile long kept = 0x1234567;
  use_stack(0, SIGUSR2, first);
  raise(SIGUSR2);
  CHECK_EQUAL(kept, 0x1234567);
  stack_t now;
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stacks[0]);
  CHECK_EQUAL(now.ss_flags, 0);
  return unused;
}
static void *has_second(void *unused) {
  use_stack(1, SIGTERM, second);
  waits = 1;
  while (!go_on)
    ;
  raise(SIGTERM);
  CHECK_EQUAL(second_ran, 1);
  stack_t now;
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stacks[1]);
  CHECK_EQUAL(now.ss_size, SIZE);
  return unused;
}
int main(void) {
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, in_first, NULL);
  pthread_create(&threads[1], NULL, has_second, NULL);
  while (!in_handler || !waits)
    ;
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  die_and_come_back();
  go_on = 1;
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
