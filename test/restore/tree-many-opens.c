// One file that several processes have opened thousands of times each, by
// itself and by who forked them: which of these are the same is found before
// the others have waited for too long.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <sys/resource.h>
#include <sys/wait.h>
#define PROCESSES 3
#define OPENS 9000
static int to_child[2], from_child[2], shared;
static _Noreturn void child(void) {
  char byte = 'c';
  CHECK_EQUAL(close(to_child[1]), 0); // to end with its parent
  for (int i = 0; i < OPENS; i++)
    CHECK(open("/proc/self/exe", O_RDONLY) >= 0);
  CHECK_EQUAL(write(from_child[1], &byte, 1), 1);
  if (read(to_child[0], &byte, 1) != 1)
    _exit(1);
  CHECK_EQUAL(read(shared, &byte, 1), 1);
  _exit(0);
}
int main(void) {
  struct rlimit limit;
  int status;
  char byte;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < OPENS + 100)
    SKIP("not so many descriptors");
  limit.rlim_cur = limit.rlim_max;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK((shared = open("/proc/self/exe", O_RDONLY)) >= 0);
  CHECK_EQUAL(pipe(to_child), 0);
  CHECK_EQUAL(pipe(from_child), 0);
  for (int i = 0; i < PROCESSES; i++)
    if (fork() == 0)
      child();
  for (int i = 0; i < PROCESSES; i++)
    CHECK_EQUAL(read(from_child[0], &byte, 1), 1);
  die_and_come_back();
  for (int i = 0; i < PROCESSES; i++) {
    CHECK_EQUAL(write(to_child[1], &byte, 1), 1);
    CHECK(wait(&status) > 0);
    CHECK_EQUAL(status, 0);
    CHECK_EQUAL(lseek(shared, 0, SEEK_CUR), i + 1);
  }
  return 0;
}
