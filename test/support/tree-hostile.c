// Whoever dies or hangs in whichever phase of a checkpoint of three processes:
// the others go on at once.
// RUN: %clang -fhwckpt -O1 %s -o %t && rm -rf %t.dir && mkdir %t.dir && %python %S/Inputs/tree-hostile %hwckpt %t %t.dir
#include <unistd.h>
static volatile unsigned long work;
int main(void) {
  if (fork())
    fork();
  // Not for ever, whatever happens.
  alarm(120);
  for (;;)
    work++;
}
