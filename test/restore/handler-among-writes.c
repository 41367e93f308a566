// A handler is set, and taken back, for a signal that is ignored otherwise,
// while other threads write to pages that are protected, and have them opened
// for calls, where the runtime leaves ignored signals open (support/ignored.h):
// the handler, which writes to such pages as well, finds nothing in its way.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread
// RUN: %python %S/Inputs/killed-anywhere --kills=1 --options=every=3ms:on_unsupported=warn:track=mprotect %hwckpt %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>

enum { PAGE = 4096, PAGES = 1024, WRITERS = 3 };
static char pages[WRITERS + 1][PAGES][PAGE];
static _Atomic int over;
static _Atomic unsigned handled, ended;

static void handler(int number) {
  unsigned turn = handled++ + (unsigned)(number == 0);
  for (unsigned i = 0; i < 8; i++)
    pages[WRITERS][(turn * 8 + i) % PAGES][turn % PAGE] = (char)turn;
}

static void *write_on(void *argument) {
  char(*own)[PAGE] = pages[(uintptr_t)argument];
  for (unsigned turn = 1; !over; turn++)
    for (unsigned i = 0; i < PAGES; i++) {
      CHECK(own[i][0] == (char)(turn - 1));
      own[i][0] = (char)turn;
    }
  return NULL;
}

static void *bear(void *unused) {
  while (!over) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child)
      _exit(0);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
      ;
    ended++;
  }
  return unused;
}

int main(void) {
  pthread_t threads[WRITERS + 1];
  const struct sigaction set = {.sa_handler = handler, .sa_flags = SA_RESTART};
  const struct sigaction by_default = {.sa_handler = SIG_DFL};
  for (uintptr_t i = 0; i < WRITERS; i++)
    CHECK(pthread_create(&threads[i], NULL, write_on, (void *)i) == 0);
  CHECK(pthread_create(&threads[WRITERS], NULL, bear, NULL) == 0);
  while (go_on() || handled == 0) {
    CHECK(sigaction(SIGCHLD, &set, NULL) == 0);
    for (unsigned least = handled; least == handled;)
      usleep(100);
    CHECK(sigaction(SIGCHLD, &by_default, NULL) == 0);
    for (unsigned some = ended + 3; ended < some;) // end ignored
      usleep(100);
  }
  over = 1;
  for (unsigned i = 0; i <= WRITERS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  return 7;
}
