// The first thing that the restored first process does is to end, before others
// of its program have gone on themselves: that is not a restore that failed.
// RUN: %behaviour %s -o %t && %restored %t
#include "behaviour.h"
#define CHILDREN 32
int main(void) {
  int life[2];
  char byte;
  CHECK(pipe(life) == 0);
  for (int i = 0; i < CHILDREN; i++) {
    if (fork())
      continue;
    close(life[1]);
    _exit((int)read(life[0], &byte, 1)); // until the first process has ended
  }
  if (came_back())
    _exit(0);
  die();
}
