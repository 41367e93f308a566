// A socket's name that somebody else serves by now is not taken from him.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   ! %hwckpt run --name served -- %t && \
// RUN:   %python %S/Inputs/serve-meanwhile %hwckpt restore served 2>&1 | FileCheck %s'
// CHECK: HWCKPT-E306: {{.*}}socket:[{{[0-9]+}}]: descriptor {{[0-9]+}}: bind
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/un.h>
int main(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "s"};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(listen(fd, 1) == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  kill(getpid(), SIGKILL);
}
