// A process that has its parent's memory, and is born when all are about to
// stand still, is refused by that name as soon as its parent stands: no thread
// of that can be in vfork(). It is not waited for, all others standing still,
// as long as one of vfork() or a program that begins.
// RUN: rm -rf %t.d && mkdir %t.d && %behaviour %s -o %t
// RUN: env HWCKPT_TREE_HOLD=stop=%t.d HWCKPT_TREE_DEADLINE_MS=2500 %hwckpt run -- %t %t.d 2>%t.said
// RUN: FileCheck %s <%t.said
// CHECK: HWCKPT-E234: {{.*}}memory
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <sys/wait.h>
static char stack[65536];
static int exists(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return access(path, F_OK) == 0;
}
static int shares(void *unused) {
  (void)unused;
  for (;;)
    syscall(SYS_pause);
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
  pid_t late = clone(shares, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
  CHECK(late > 0);
  snprintf(path, sizeof path, "%s/go", argv[1]);
  CHECK(close(creat(path, 0600)) == 0);
  CHECK(waitpid(saves, &status, 0) == saves);
  CHECK_EQUAL(status, 5 << 8);
  CHECK(kill(late, SIGKILL) == 0 && waitpid(late, &status, 0) == late);
  CHECK(!came_back());
  return 0;
}
