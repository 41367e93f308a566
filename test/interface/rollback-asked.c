// A running program goes back to its last checkpoint when somebody asks for it
// (`hwckpt rollback`, a control socket), at an event and when a timer expires.
// RUN: %behaviour %s -o %t
// RUN: %python %S/Inputs/rollback-asked.py %hwckpt %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/prctl.h>
static volatile unsigned long counter, of_thread;
static void *count(void *unused) {
  for (;; usleep(100))
    of_thread++;
  return unused;
}
int main(int argc, char **argv) {
  pthread_t thread;
  CHECK(argc == 3);
  CHECK_EQUAL(pthread_create(&thread, NULL, count, NULL), 0);
  printf("%d\n", getpid());
  fflush(stdout);
  if (!strcmp(argv[1], "never")) {
    pause();
    return 0;
  }
  if (!strcmp(argv[1], "tree") && fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
      pause();
  }
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  /* What was counted since is gone, what was said is not. */
  printf("back %d after %lu\n", times, counter);
  fflush(stdout);
  do {
    counter++;
    if (strcmp(argv[1], "busy"))
      usleep(1000);
  } while (access(argv[2], F_OK));
  for (unsigned long seen = of_thread; of_thread == seen;) /* it goes on */
    usleep(1000);
  return 7;
}
