// Of the processes of a tree the first watches time, files and sockets for all;
// a child neither finds its control socket taken nor takes checkpoints besides.
// RUN: %behaviour %s -o %t && rm -f %t.socket
// RUN: %hwckpt run --on control=%t.socket --on every=1h --on file=%t.trigger -- %t 2>%t.err; status=$?; cat %t.err; test $status = 0 && not grep -q E25 %t.err
#include "behaviour.h"
#include <sys/wait.h>
int main(void) {
  int status;
  CHECK_EQUAL(hwckpt_request(), 0);
  wait_for_generations(1 - generations());
  pid_t child = fork();
  if (!child) {
    int result = __builtin_ckpt_save();
    CHECK(result == 0 || result == -ENOSYS);
    CHECK_EQUAL(usleep(200000), 0);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return 0;
}
