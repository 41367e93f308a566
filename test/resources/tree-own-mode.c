// Processes that have opened a file of the user's own by themselves, whose mode
// no longer gives what they have: each opens it again, and the mode is what it
// was, whichever of them came first.
// RUN: %behaviour %s -o %t && %by_all sh -c '! %restored -- %t && %hwckpt restore'
#include "behaviour.h"
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
enum { CHILDREN = 6 };
static int work(int opened, int go) {
  char byte;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int file = open("file", O_RDWR | O_CLOEXEC);
  CHECK(file >= 0 && write(opened, "", 1) == 1);
  CHECK(read(go, &byte, 1) == 1);
  CHECK(pwrite(file, &byte, 1, 0) == 1);
  return 0;
}
int main(void) {
  int opened[2], go[2], status;
  char byte;
  struct stat is;
  int file = open("file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  CHECK(file >= 0 && close(file) == 0);
  CHECK(pipe(opened) == 0 && pipe(go) == 0);
  for (int i = 0; i < CHILDREN; i++) {
    pid_t child = fork();
    if (child == 0)
      return work(opened[1], go[0]);
    CHECK(child > 0 && read(opened[0], &byte, 1) == 1);
  }
  CHECK(chmod("file", 0040) == 0);
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  CHECK(stat("file", &is) == 0);
  CHECK_EQUAL(is.st_mode & 07777, 0040);
  if (times < 2)
    die();
  for (int i = 0; i < CHILDREN; i++)
    CHECK(write(go[1], "x", 1) == 1);
  while (wait(&status) > 0)
    CHECK_EQUAL(status, 0);
  return 0;
}
