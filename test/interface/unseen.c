// The runtime's thread is not the program's affair: no child to wait for, no
// descriptor more, no signal, no number taken that the program would have got.
// RUN: %behaviour %s -o %t && %hwckpt run --every 2ms -o keep=1000 -- %t
#include "behaviour.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>
static unsigned descriptors(void) {
  unsigned count = 0;
  DIR *list = opendir("/proc/self/fd");
  CHECK(list);
  while (readdir(list))
    count++;
  closedir(list);
  return count;
}
static volatile int children;
static void on_child(int number) {
  (void)number;
  children++;
}
int main(void) {
  int status;
  unsigned before = descriptors();
  int lowest = dup(0);
  close(lowest);
  signal(SIGCHLD, on_child);
  unsigned taken = generations();
  for (int i = 0; i < 200 || generations() < taken + 3; i++) {
    CHECK(wait(&status) < 0 && errno == ECHILD);
    int fd = dup(0);
    CHECK_EQUAL(fd, lowest);
    close(fd);
    CHECK_EQUAL(descriptors(), before);
  }
  CHECK_EQUAL(children, 0);
  /* A pipe is at its end when the program has closed the writer. */
  for (int i = 0; i < 20; i++) {
    int ends[2];
    char byte;
    CHECK_EQUAL(pipe(ends), 0);
    wait_for_generations(i % 2);
    close(ends[1]);
    CHECK_EQUAL(read(ends[0], &byte, 1), 0);
    close(ends[0]);
  }
  return 0;
}
