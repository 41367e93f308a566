/* come-back.h - for programs that take a checkpoint, die, and are restored.
 * They check themselves; status 7 is success. */
#ifndef COME_BACK_H
#define COME_BACK_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      dprintf(2, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__,         \
              #condition, errno);                                              \
      _exit(99);                                                               \
    }                                                                          \
  } while (0)

/* Takes a checkpoint; how often the program came back from it. */
static inline int save(void) {
  int n = __builtin_ckpt_save();
  if (n < 0) {
    dprintf(2, "__builtin_ckpt_save: %d\n", n);
    _exit(98);
  }
  return n;
}

/* Takes a checkpoint and dies: returns in the restored program only. */
static inline void die_and_come_back(void) {
  if (save() == 0)
    kill(getpid(), SIGKILL);
}

/* Until Inputs/killed-anywhere has killed the program often enough: it holds
 * the standard input open so long. */
static inline int go_on(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  return poll(&input, 1, 0) <= 0; // perhaps a signal came
}

#endif
