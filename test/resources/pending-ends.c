// A signal that comes while the program stands still and ends it as soon as it
// goes on is not part of the checkpoint, which would end it after each restore.
// One that a thread that stands does not leave open (support/unhandled.h).
// RUN: %behaviour %s -o %t && %by_all bash -c '%t; test $? = 192 && %hwckpt restore'
#include "behaviour.h"
#include <sys/resource.h>

#define SIGNAL 64

/* Some thousands of descriptors are looked at before signals are. */
static void take_time(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max < 20000 ? limit.rlim_max : 20000;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (rlim_t i = 100; i < limit.rlim_cur; i++)
    CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

static int stands_still(pid_t process) {
  char path[64], line[256];
  unsigned long long blocked = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)process);
  FILE *status = fopen(path, "r");
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "SigBlk: %llx", &blocked) == 1)
      break;
  if (status)
    fclose(status);
  return blocked >> (SIGNAL - 1) & 1;
}

int main(void) {
  pid_t program = getpid();
  int ready[2];
  char byte;
  CHECK(came_back() == 0 && pipe(ready) == 0);
  if (fork() == 0) {
    close(ready[1]);
    CHECK(read(ready[0], &byte, 1) == 0);
    for (double end = now() + 20; now() < end && !stands_still(program);)
      ;
    kill(program, SIGNAL);
    _exit(0);
  }
  take_time();
  /* From here on libc blocks no signals, as it does in fork(). */
  close(ready[0]);
  close(ready[1]);
  if (!came_back())
    for (;;)
      pause();
  return 0;
}
