// Whoever dies or hangs in whichever phase of a checkpoint of three processes:
// the others go on at once.
// RUN: %clang -fhwckpt -O1 %s -o %t && rm -rf %t.dir && mkdir %t.dir && %python %S/Inputs/tree-hostile %hwckpt %t %t.dir
#include <signal.h>
#include <unistd.h>
static volatile unsigned long work;
int main(void) {
  if (fork())
    fork();
  // Each blocks others than the runtime does when it has them stand still.
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigaddset(&blocked, SIGRTMIN + getpid() % 8);
  sigprocmask(SIG_BLOCK, &blocked, 0);
  // Not for ever, whatever happens.
  alarm(120);
  for (;;)
    work++;
}
