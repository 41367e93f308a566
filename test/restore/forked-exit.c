// Children that are forked at any moment of a checkpoint end by exit(), where
// the destructors of instrumented modules run.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/killed-anywhere --kills=1 --options=every=1ms %hwckpt %t
#include "Inputs/come-back.h"
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
enum { FORKERS = 4, CHILDREN = 400 };
static void *forks(void *unused) {
  for (int i = 0; i < CHILDREN; i++) {
    int status = -1;
    pid_t child = fork();
    if (child == 0)
      exit(3);
    // After a restore it is no child of ours any more.
    if (waitpid(child, &status, 0) == child)
      CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    else
      CHECK(errno == ECHILD);
  }
  return unused;
}
int main(void) {
  do {
    pthread_t threads[FORKERS];
    for (int i = 0; i < FORKERS; i++)
      CHECK(pthread_create(&threads[i], NULL, forks, NULL) == 0);
    for (int i = 0; i < FORKERS; i++)
      CHECK(pthread_join(threads[i], NULL) == 0);
  } while (go_on());
  return 7;
}
