// A socket's name that somebody else serves by now is not taken from him.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir
// RUN: %hwckpt run --name served -- %t; test $? = 137
// RUN: %python -c 'import socket, subprocess, os, sys; os.unlink("s"); s = socket.socket(socket.AF_UNIX); s.bind("s"); s.listen(); r = subprocess.run(sys.argv[1:]); assert r.returncode == 125, r; c = socket.socket(socket.AF_UNIX); c.connect("s")' %hwckpt restore served 2>&1 | FileCheck %s
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
