// Processes that follow each other without end, each the child of the one
// before, may keep a checkpoint from being taken: each time the others stand
// for a second here, and then run for four before it is tried again.
// RUN: %behaviour %s -o %t
// RUN: env HWCKPT_TREE_DEADLINE_MS=1000 %hwckpt run --every 10ms -- %t 2>%t.said
// RUN: [ $(grep -c HWCKPT-E235 %t.said) -le 2 ]
#include "behaviour.h"
#include <sys/mman.h>
static volatile int *ends_now;
static _Noreturn void follow_each_other(void) {
  while (!*ends_now)
    if (fork())
      _exit(0);
  _exit(0);
}
int main(void) {
  double begin = now();
  ends_now = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(ends_now != MAP_FAILED);
  if (fork() == 0)
    follow_each_other();
  while (now() - begin < 9)
    usleep(1000);
  *ends_now = 1;
  return 0;
}
