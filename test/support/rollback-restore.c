// Rollbacks, checkpoints, kills and restores in any order: a restored program
// rolls back to the generation it came from, what is checkpointed after a
// rollback is restored, and n counts both.
// RUN: %behaviour %s -o %t && (! %restored -- %t) && %hwckpt restore
#include "behaviour.h"
#include <pthread.h>

static int value[100 * 1024];
static volatile int other_turns;

static void *turn(void *argument) {
  for (;;) {
    other_turns++;
    usleep(200);
  }
  return argument;
}

static void fill(int with) {
  for (unsigned i = 0; i < sizeof value / sizeof *value; i += 512)
    value[i] = with;
}

static void check(int with) {
  for (unsigned i = 0; i < sizeof value / sizeof *value; i++)
    CHECK_EQUAL(value[i], i % 512 ? 0 : with);
}

int main(void) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, 0, turn, 0), 0);
  fill(1);
  int n = __builtin_ckpt_save();
  check(1);
  fill(99);
  if (n < 2) /* n = 0, 1: rolled back */
    roll_back();
  if (n == 2)
    die();
  if (n < 6) /* restored is 3, and rolled back from there */
    roll_back();
  fill(2);
  n = __builtin_ckpt_save(); /* a delta of what it came back from */
  check(2);
  fill(99);
  if (n < 2)
    roll_back();
  check(99);
  fill(3);
  n = __builtin_ckpt_save(); /* a delta of what was rolled back to */
  check(3);
  fill(99);
  if (n < 1)
    roll_back();
  if (n == 1)
    die();
  if (n == 2)
    roll_back();
  CHECK_EQUAL(n, 3);
  int before = other_turns;
  while (other_turns < before + 5)
    usleep(100);
  return 0;
}
