// A child that has given up all capabilities, and so may not look at its
// parent, is in the checkpoint like any other, while it forks without end too.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <linux/capability.h>
#include <sys/wait.h>
static int to_child[2], from_child[2], had;
static int has_rights(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  CHECK_EQUAL(syscall(SYS_capget, &header, sets), 0);
  return sets[0].effective || sets[0].permitted || sets[1].permitted;
}
int capset(void *header, const void *sets);
static _Noreturn void child(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {0};
  char byte = 'c';
  CHECK_EQUAL(close(to_child[1]), 0); // to end with its parent
  CHECK_EQUAL(fcntl(to_child[0], F_SETFL, O_NONBLOCK), 0);
  CHECK_EQUAL(capset(&header, none), 0);
  CHECK_EQUAL(write(from_child[1], &byte, 1), 1);
  for (;;) {
    pid_t below = fork();
    if (below == 0)
      _exit(0);
    CHECK(below > 0);
    CHECK_EQUAL(waitpid(below, NULL, 0), below);
    ssize_t got = read(to_child[0], &byte, 1);
    if (got >= 0)
      _exit(got == 1 && !(had && has_rights()) ? 0 : 1);
  }
}
int main(void) {
  int status;
  char byte;
  had = has_rights();
  CHECK_EQUAL(pipe(to_child), 0);
  CHECK_EQUAL(pipe(from_child), 0);
  pid_t pid = fork();
  if (pid == 0)
    child();
  CHECK_EQUAL(read(from_child[0], &byte, 1), 1);
  die_and_come_back();
  CHECK_EQUAL(write(to_child[1], "c", 1), 1);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK_EQUAL(status, 0);
  return 0;
}
