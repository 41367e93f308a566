// __builtin_ckpt_save: 0 when it was taken, n on the n-th return from it.
// RUN: %clang -fhwckpt -O2 %s -o %t
// RUN: rm -f %t.out; status() { "$@"; echo $?; }; \
// RUN: status %hwckpt run -- %t >>%t.out 2>%t.err; \
// RUN: for i in 1 2 3; do status %hwckpt restore >>%t.status 2>>%t.err; done; cat %t.err; cat %t.out
// RUN: tail -1 %t.status | grep -x 13
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  int n = __builtin_ckpt_save();
  printf("%d\n", n);
  fflush(stdout);
  if (n < 0)
    return 1;
  if (n < 3)
    kill(getpid(), SIGKILL);
  return 10 + n;
}
