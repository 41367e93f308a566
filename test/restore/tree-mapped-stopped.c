// What a process has mapped shared is as it was, restored and restored again,
// also where the first process, that keeps it for all, is stopped and comes
// back so.
// RUN: %behaviour %s -o %t && rm -rf %t.dir %t.last && mkdir %t.dir
// RUN: bash %S/../tools/Inputs/status 137 timeout -s KILL 60 %hwckpt run -- %t %t.dir/mapped %t.last 2>&1 | FileCheck %s
// RUN: bash %S/../tools/Inputs/status 137 timeout -s KILL 60 %hwckpt restore 2>&1 | FileCheck %s
// RUN: touch %t.last && bash %S/../tools/Inputs/status 0 timeout -s KILL 60 %hwckpt restore 2>&1 | FileCheck %s --allow-empty
// CHECK-NOT: HWCKPT-E3
// CHECK-NOT: not so
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static char state_of(pid_t process) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
  FILE *file = fopen(path, "r");
  CHECK(file && fgets(line, sizeof line, file) && fclose(file) == 0);
  return strrchr(line, ')')[2];
}
int main(int argc, char **argv) {
  int status;
  CHECK(argc == 3);
  pid_t first = getpid(), child = fork();
  if (child) {
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    return 0;
  }
  CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
  CHECK(ftruncate(fd, 8192) == 0);
  volatile char *at = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK((void *)at != MAP_FAILED && close(fd) == 0);
  at[0] = at[5000] = 'a';
  CHECK(kill(first, SIGSTOP) == 0);
  while (state_of(first) != 'T')
    sched_yield();
  came_back();
  CHECK(at[0] == 'a' && at[5000] == 'a');
  CHECK(state_of(first) == 'T');
  at[0]++, at[5000]++;
  if (access(argv[2], F_OK)) {
    CHECK(kill(first, SIGKILL) == 0);
    pause();
  }
  CHECK(kill(first, SIGCONT) == 0);
  return 0;
}
