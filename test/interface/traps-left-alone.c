// A program without sites, into which the runtime is preloaded, blocks SIGILL
// and SIGTRAP as without it: what is sent waits, in the handler of the same
// signal too, which is not entered again.
// RUN: gcc -O2 -Wall -Werror -D_GNU_SOURCE -I%S/../Inputs %s -o %t
// RUN: %t
// RUN: %hwckpt run --every 5ms -- %t
// REQUIRES: gcc
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define CHECK(condition)                                                       \
  if (!(condition)) {                                                          \
    dprintf(2, "%d: not so: %s\n", __LINE__, #condition);                      \
    _exit(1);                                                                  \
  }
static const int signals[] = {SIGILL, SIGTRAP};
static volatile int depth, handled, jumps;
static sigjmp_buf away;
static void nest(int number) {
  CHECK(depth == 0);
  depth++;
  if (++handled % 100)
    raise(number);
  depth--;
}
static void jump(int number) {
  (void)number;
  jumps++;
  siglongjmp(away, 1);
}
static int waits(int number) {
  sigset_t pending;
  CHECK(sigpending(&pending) == 0);
  return sigismember(&pending, number);
}
static void check_nested(int number) {
  handled = 0;
  CHECK(signal(number, nest) != SIG_ERR);
  raise(number);
  CHECK(handled == 100);
}
static void check_blocked(int number) {
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, number);
  handled = 99;
  CHECK(sigprocmask(SIG_BLOCK, &one, NULL) == 0);
  CHECK(sigprocmask(SIG_BLOCK, NULL, &before) == 0);
  CHECK(sigismember(&before, number));
  raise(number);
  CHECK(handled == 99 && waits(number));
  CHECK(sigprocmask(SIG_UNBLOCK, &one, NULL) == 0);
  CHECK(handled == 100 && !waits(number));
}
static void check_left(int number) {
  CHECK(signal(number, jump) != SIG_ERR);
  int before = jumps;
  if (sigsetjmp(away, 1) == 0)
    raise(number);
  if (sigsetjmp(away, 1) == 0)
    raise(number);
  CHECK(jumps == before + 2);
}
int main(void) {
  for (int i = 0; i < 1000; i++)
    for (int j = 0; j < 2; j++) {
      check_nested(signals[j]);
      check_blocked(signals[j]);
      check_left(signals[j]);
    }
  return 0;
}
