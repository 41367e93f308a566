// A stopped process that is killed while it is in a checkpoint ends for its
// parent, though hwckpt traces it then.
// RUN: %behaviour %s -o %t && timeout 60 %hwckpt run -o every=5ms -- %t 2>&1 | FileCheck %s
// CHECK: all ended
#include "behaviour.h"
#include <sys/wait.h>
enum { CHILDREN = 20, MICROSECONDS = 4000 };
static int is_traced(pid_t child) {
  char path[64], text[1024] = "";
  snprintf(path, sizeof path, "/proc/%d/status", child);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
  const char *tracer = strstr(text, "TracerPid:");
  return tracer && atoi(tracer + strlen("TracerPid:")) != 0;
}
static void end_one(int i) {
  int status;
  pid_t child = fork();
  while (!child)
    pause();
  CHECK_EQUAL(kill(child, SIGSTOP), 0);
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  while (!is_traced(child))
    ;
  usleep(MICROSECONDS / CHILDREN * i); // another moment of the checkpoint
  CHECK_EQUAL(kill(child, SIGKILL), 0);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
int main(void) {
  for (int i = 0; i < CHILDREN; i++)
    end_one(i);
  printf("all ended\n");
  return 0;
}
