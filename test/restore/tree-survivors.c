// hwckpt is killed, and processes of the program go on: a restore names them,
// those that were born after the checkpoint too, and how many more there are.
// RUN: %behaviour %s -o %t
// RUN: %python %S/Inputs/survivors.py %hwckpt %t
#include "behaviour.h"
#include <stdatomic.h>
#include <sys/mman.h>
static void go_on(const char *who) {
  printf("%s %d\n", who, getpid());
  fflush(stdout);
  for (;;)
    pause();
}
int main(void) {
  atomic_long *beats = mmap(NULL, sizeof *beats, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(beats != MAP_FAILED);
  pid_t old = fork();
  if (!old) {
    for (;; usleep(1000))
      ++*beats;
  }
  if (came_back()) {
    // It runs: who is killed before that is for tree-kills-at-once.c.
    for (long before = *beats; *beats < before + 2; usleep(100))
      ;
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
