// `hwckpt ckpt` has a running program take a checkpoint and waits until it is
// committed, or tells the error; the program needs no option for it, and its
// calls do not see the signal.
// RUN: %behaviour %s -o %t
// RUN: %python %S/Inputs/ask.py %hwckpt %t
#include "behaviour.h"
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
static void *wait_for_ever(void *unused) {
  CHECK_EQUAL(pause(), 0);
  return unused;
}
int main(int argc, char **argv) {
  volatile int rounds = 0;
  CHECK(argc >= 3);
  if (!strcmp(argv[1], "child")) {
    pid_t child = fork();
    if (!child) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;)
        pause();
    }
    printf("%d\n", child);
  } else if (!strcmp(argv[1], "orphan")) {
    pid_t child = fork();
    if (!child && fork())
      _exit(0);
    while (!child)
      pause();
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
  } else if (!strcmp(argv[1], "pause")) {
    /* No signal of its own comes. */
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
    printf("%d\n", getpid());
    fflush(stdout);
    wait_for_ever(NULL);
    return 1;
  } else if (!strcmp(argv[1], "user") || !strcmp(argv[1], "jailed")) {
    /* Its rights to the cache and /proc are gone before it is asked. */
    if (argv[1][0] == 'j')
      CHECK(chroot(argv[3]) == 0 && chdir("/") == 0);
    CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
  } else if (!strcmp(argv[1], "full")) {
    struct rlimit none = {4096, RLIM_INFINITY};
    CHECK(!setrlimit(RLIMIT_FSIZE, &none) &&
          signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  }
  printf("%d\n", getpid());
  fflush(stdout);
  while (access(argv[2], F_OK)) {
    double begin = now();
    CHECK_EQUAL(poll(NULL, 0, 30), 0);
    CHECK(now() - begin >= 0.03);
    rounds++;
  }
  return rounds > 0 ? 7 : 1;
}
