// Rules of --on, and of the option on: any number at once; each has its cause
// in the record. A wrong one is refused by `hwckpt run`, and left out by the
// program, which goes on.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run --on every=50ms -o 'on="cpu=20ms,spacing=30ms"' -o keep=1000 -- %t 8
// RUN: %hwckpt show | FileCheck %s --check-prefix=CAUSE
// CAUSE: {{^}}event {{ *}}timer
// CAUSE-NEXT: {{^}}cause {{ *}}{{every=50ms|cpu=20ms,spacing=30ms}}{{$}}
// CAUSE: {{^}}interval {{ *}}50.0 ms
// Of processor time none passes here, or so little that none is due.
// RUN: %hwckpt run --on cpu=2s -- %t idle
// Those before on= are forgotten, and one wrong is said and left out.
// RUN: HWCKPT_OPTIONS='on=every=1ms:on=' %t none
// RUN: HWCKPT_OPTIONS='on=evry=1ms:on=every=5x:on="every=40ms,spacing=":on=every=40ms' %t 2 2>&1 | FileCheck %s --check-prefix=CHECK-LEFT
// CHECK-LEFT: HWCKPT-E250: {{.*}}: evry=1ms: at character 1: 'evry' is not an event: every, cpu,
// CHECK-LEFT: HWCKPT-E250: {{.*}}: every=5x: at character 7: '5x' is not a duration
// CHECK-LEFT: HWCKPT-E250: {{.*}}: every=40ms,spacing=: at character 20: '' is not a duration
// CHECK-LEFT-NOT: HWCKPT
// A slip in a modifier is one, not one in what stands before it.
// RUN: for slip in spacing sit=4 than=rollback; do bash %S/../tools/Inputs/status 2 %hwckpt run --on every=10m,$slip true 2>&1 | grep -c "at character 11: '$slip' is not spacing=DUR, site=DUR or then=rollback" || exit 1; done
// RUN: %hwckpt run --on file=/tmp/a,b=c -- true
// RUN: (for i in $(seq 33); do echo "on=every=${i}s"; done; echo on=every=33s) > %t.many; HWCKPT_OPTIONS=$(cat %t.many) %t none 2>&1 | FileCheck %s --check-prefix=MANY
// MANY: HWCKPT-E250: {{.*}}: every=33s: there are 32 rules before it
// RUN: for bad in evry=1s every every= every=auto,then=rollback every=0 every=1s,2s every=-1 cpu=auto cpu=1x signal signal=KILL signal=NONE signal=65 signal=32 exit= every=1s,site= every=1s,spacing=0 every=1s,spacing=1s,site=1s,spacing=2s every=1s,site=1s,site=1s watch=x,after,before watch=x,before,pages,after "$(printf %%300s)"; do bash %S/../tools/Inputs/status 2 %hwckpt run --on "$bad" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; bash %S/../tools/Inputs/status 2 %hwckpt run -o "on='$bad'" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; done
// RUN: %hwckpt run --on help | FileCheck %s --check-prefix=HELP
// HELP: {{^}}every=DUR|auto{{$}}
// HELP: {{^}}cpu=DUR{{$}}
// HELP: needs: nothing
// HELP: {{^}}pressure=memory|io|cpu|irq,some|full,DUR/WINDOW
// HELP: ,spacing=DUR
// HELP: ,site=DUR
// HELP: ,then=rollback
#include "behaviour.h"
int main(int argc, char **argv) {
  struct hwckpt_statistics is;
  CHECK(argc == 2);
  if (!strcmp(argv[1], "none") || !strcmp(argv[1], "idle")) {
    CHECK_EQUAL(usleep(100000), 0);
    CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
    return (int)is.checkpoints;
  }
  double begin = now();
  do {
    CHECK(now() - begin < 20);
    CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  } while (is.checkpoints < (unsigned)atoi(argv[1]));
  return 0;
}
