// A process that is killed when it has committed its part, and waited for at
// once, is in that checkpoint, and holds up neither it nor the next one.
// RUN: rm -rf %t.d && mkdir %t.d && %behaviour %s -o %t
// RUN: env HWCKPT_TREE_HOLD=root=%t.d timeout 60 %hwckpt run -o every=20ms -- %t %t.d 2>&1 | FileCheck %s
// CHECK-NOT: HWCKPT-E
// CHECK: went on
#include "behaviour.h"
#include <sys/wait.h>
int main(int count, char **words) {
  char held[4096], go[4096];
  double begin = now();
  CHECK_EQUAL(count, 2);
  snprintf(held, sizeof held, "%s/held", words[1]);
  snprintf(go, sizeof go, "%s/go", words[1]);
  pid_t child = fork();
  while (!child)
    pause();
  while (access(held, F_OK)) {
    CHECK(now() - begin < 30);
    sched_yield();
  }
  CHECK_EQUAL(kill(child, SIGKILL), 0);
  CHECK_EQUAL(waitpid(child, NULL, 0), child);
  int fd = open(go, O_WRONLY | O_CREAT, 0600);
  CHECK(fd >= 0 && close(fd) == 0);
  wait_for_generations(2);
  printf("went on\n");
  return 0;
}
