// A process that is born when all others stand still does not come before the
// time to stop is over: the checkpoint fails, and it is said why; all go on,
// and the next one is taken.
// RUN: rm -rf %t.d && mkdir %t.d && %behaviour %s -o %t
// RUN: env HWCKPT_TREE_HOLD=stop=%t.d HWCKPT_TREE_DEADLINE_MS=1000 %hwckpt run -- %t %t.d 2>%t.said
// RUN: FileCheck %s <%t.said
// CHECK: HWCKPT-E235: {{.*}}new processes kept appearing{{.*}}is the last that appeared
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <sys/prctl.h>
#include <sys/wait.h>
static int exists(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return access(path, F_OK) == 0;
}
/* The runtime's signal too, which libc lets nobody block. */
static void block_all(void) {
  unsigned long all = -1ul;
  CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all) == 0);
}
static pid_t bear(void) {
  pid_t first = getpid(), child = fork();
  CHECK(child >= 0);
  if (child)
    return child;
  block_all();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (getppid() == first)
    usleep(1000);
  _exit(0);
}
int main(int argc, char **argv) {
  char path[4096];
  int status;
  CHECK(argc == 2);
  pid_t saves = fork();
  if (!saves)
    _exit(__builtin_ckpt_save() < 0 ? 5 : 6);
  double begin = now();
  while (!exists(argv[1], "held")) {
    CHECK(now() - begin < 60);
    sched_yield();
  }
  pid_t late = bear();
  snprintf(path, sizeof path, "%s/go", argv[1]);
  CHECK(close(creat(path, 0600)) == 0);
  CHECK(waitpid(saves, &status, 0) == saves);
  CHECK_EQUAL(status, 5 << 8);
  CHECK(kill(late, SIGKILL) == 0 && waitpid(late, &status, 0) == late);
  CHECK(!came_back());
  return 0;
}
