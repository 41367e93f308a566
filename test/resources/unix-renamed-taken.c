// A unix socket whose file was renamed since it was bound takes neither name
// from others: what is at the first one is not touched, who serves the present
// one goes on.
// RUN: %behaviour %s -o %t && for kind in served there; do \
// RUN:   %by_all bash -o pipefail -c ' \
// RUN:   ! %hwckpt run --name '$kind' -- %t && \
// RUN:   %python %S/Inputs/take-first-name '$kind' \
// RUN:   %hwckpt restore '$kind' 2>&1 | FileCheck %s' || exit; done
// CHECK: HWCKPT-E306: {{.*}}socket:[{{[0-9]+}}]: descriptor {{[0-9]+}}: bind
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/un.h>
int main(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "s"};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(listen(fd, 1) == 0 && rename("s", "t") == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  kill(getpid(), SIGKILL);
}
