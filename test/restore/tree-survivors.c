// hwckpt is killed, and processes of the program go on: a restore names them,
// those that were born after the checkpoint too, and how many more there are.
// RUN: %behaviour %s -o %t
// RUN: %python %S/Inputs/survivors.py %hwckpt %t
#include "behaviour.h"
static void go_on(const char *who) {
  printf("%s %d\n", who, getpid());
  fflush(stdout);
  for (;;)
    pause();
}
int main(void) {
  pid_t old = fork();
  if (!old) {
    for (;;)
      pause();
  }
  if (came_back()) {
    CHECK(kill(old, SIGKILL) == 0);
    return 5;
  }
  printf("old %d\n", old);
  fflush(stdout);
  if (!fork()) {
    for (int i = 0; i < 20; i++)
      if (!fork())
        go_on("young");
    go_on("new");
  }
  for (;;)
    pause();
}
