// cpu=DUR goes by what the program's threads use: not by what the runtime does
// for who asks it through a control socket while they sleep.
// RUN: %behaviour %s -o %t && %python %S/Inputs/cpu_own.py %hwckpt %t
#include "behaviour.h"
int main(void) {
  char byte;
  printf("%d\n", getpid());
  fflush(stdout);
  while (read(0, &byte, 1) == 1)
    for (clock_t end = clock() + CLOCKS_PER_SEC; clock() < end;)
      ;
  return 0;
}
