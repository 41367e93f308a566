// A signal that ends a program does so at once while the only thread that does
// not block it waits in a save, however long that takes; and a handler that is
// set meanwhile runs when the save is over, not in it.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t handled
// RUN: %hwckpt run -- %t ended; test $? = 143
#include "behaviour.h"
#include <hwckpt.h>

enum { LONG_MS = 60000, END_S = 20, HANDLED_S = 1 };
static _Atomic int handled;

static void handler(int number) { handled = number; }

/* Not run by the thread that waits in the save, and by no other. */
static void set_handler(void) {
  struct sigaction action = {.sa_handler = handler};
  sigset_t pending;
  CHECK_EQUAL(sigaction(SIGTERM, &action, NULL), 0);
  CHECK_EQUAL(kill(getpid(), SIGTERM), 0);
  for (double begin = now(); now() - begin < HANDLED_S; sched_yield()) {
    CHECK_EQUAL(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGTERM) == 1);
    CHECK_EQUAL(handled, 0);
  }
}

/* On the thread of callbacks, which blocks the program's signals. */
static int callback(enum hwckpt_moment moment, void *argument) {
  if (moment != HWCKPT_BEFORE)
    return 0;
  if (strcmp(argument, "handled") == 0) {
    set_handler();
    return 0;
  }
  CHECK_EQUAL(kill(getpid(), SIGTERM), 0);
  sleep(END_S);
  dprintf(2, "not ended after %d s\n", END_S);
  _exit(1);
}

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  CHECK_EQUAL(hwckpt_callback_deadline(LONG_MS), 0);
  CHECK_EQUAL(hwckpt_callback("callback", callback, argv[1]), 0);
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  CHECK_EQUAL(handled, SIGTERM);
  return 0;
}
