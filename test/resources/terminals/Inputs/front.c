/* front.c - a process group of its own, in front of the terminal; says whether
 * it is so after a restore, and reads if it is. Ends without giving it back. */
#include "behaviour.h"

int main(void) {
  char line[100];
  signal(SIGTTOU, SIG_IGN);
  CHECK(setpgid(0, 0) == 0 && tcsetpgrp(0, getpid()) == 0);
  int back = came_back();
  CHECK_EQUAL(getpgrp(), getpid());
  int front = tcgetpgrp(0) == getpgrp();
  printf("%s, in front: %d\n", back ? "after" : "before", front);
  fflush(stdout);
  if (!back)
    die();
  if (front && fgets(line, sizeof line, stdin))
    printf("got %s", line);
  return 0;
}
