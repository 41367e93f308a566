// hwckpt is killed: the first process with it, while a child goes on, whose
// saves fail at once, as nobody takes checkpoints of all of them. The first
// process is killed when hwckpt's first thread ends, and the socket is closed
// when its last does: until then the child is heard, and hung up on.
// RUN: %behaviour %s -o %t
// RUN: (%hwckpt run -- %t; echo ended with $?) 2>&1 | cat >%t.said && FileCheck %s <%t.said
// CHECK-DAG: ended with 137
// CHECK-DAG: HWCKPT-E233: {{.*}}hwckpt cannot be reached{{.*}}: hwckpt: {{connect|it has ended}}
// CHECK-DAG: remedy: {{.*}}; end all of them before `hwckpt restore`
// CHECK-DAG: the child goes on
#include "behaviour.h"
#include <sys/wait.h>
int main(void) {
  int status;
  pid_t tool = getppid(), first = getpid();
  pid_t child = fork();
  if (child) {
    CHECK(waitpid(child, &status, 0) == child);
    return 1; /* it was to end first */
  }
  CHECK(__builtin_ckpt_save() == 0);
  CHECK(kill(tool, SIGKILL) == 0);
  double begin = now();
  while (getppid() == first) {
    CHECK(now() - begin < 20);
    sched_yield();
  }
  CHECK(__builtin_ckpt_save() < 0);
  CHECK(now() - begin < 20);
  CHECK_EQUAL(write(1, "the child goes on\n", 18), 18);
  return 0;
}
