// Threads in loops stop at the checkpoint instruction, not only at a signal.
// RUN: rm -rf %t && mkdir %t && %clang -fhwckpt -fhwckpt-hook=insn -O1 %s -o %t/main
// RUN: %hwckpt run --every 10ms --cache %t/cache -- %t/main
// RUN: for g in $(%hwckpt list --cache %t/cache | awk 'NR > 1 { print $1 }'); do %hwckpt show --json --cache %t/cache $g; done >%t/json
// RUN: FileCheck %s <%t/json
// CHECK: "threads_at_sites": 1
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void) {
  unsigned long x = 1;
  for (double end = now() + 0.5; now() < end;)
    for (long i = 0; i < 10000000; i++)
      x = x * 6364136223846793005UL + 1;
  return x == 0;
}
