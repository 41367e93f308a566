// control= and file= of rules: a request through a socket and its answers, a
// file that appears; both again in the restored program.
// RUN: %behaviour %s -o %t
// RUN: %python %S/Inputs/control.py %hwckpt %t
// RUN: for bad in control control=x control=/ control=/a/ control=/$(printf 'x%%.0s' $(seq 107)) file file=x file=/tmp/; do bash %S/../tools/Inputs/status 2 %hwckpt run --on "$bad" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; done
// RUN: for bad in control=/proc/none/x file=/proc/none/x; do bash %S/../tools/Inputs/status 125 %hwckpt run --on "$bad" true 2>&1 | grep -c E253 || { echo "not refused: $bad"; exit 1; }; done
// RUN: HWCKPT_OPTIONS=on=control=/proc/x:on=file=/proc/none/x:on=control=%s bash %S/../tools/Inputs/status 7 %t /dev/null 2>&1 | FileCheck %s
// CHECK-DAG: HWCKPT-E254: control socket cannot be made: /proc/x: bind
// CHECK-DAG: HWCKPT-E253: event cannot be watched: file=/proc/none/x: its folder /proc/none/
// CHECK-DAG: HWCKPT-E254: control socket cannot be made: {{.*}}: it is there, and no socket
#include "behaviour.h"
int main(int argc, char **argv) {
  CHECK(argc == 2);
  printf("%d\n", getpid());
  fflush(stdout);
  while (access(argv[1], F_OK))
    CHECK_EQUAL(usleep(1000), 0);
  return 7;
}
