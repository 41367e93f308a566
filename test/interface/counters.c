// perf= of a rule: a perf event that overflows, in the main thread, in one born
// later, and in the restored program; calls of the program do not see it.
// RUN: %behaviour %s -o %t && rm -f %t.killed
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --on perf=page-faults,5k -o keep=100 -- %t %t.killed
// RUN: bash %S/../tools/Inputs/status 7 %hwckpt restore
// RUN: %hwckpt show | FileCheck %s
// Not before it has come so often.
// RUN: bash %S/Inputs/permitted %hwckpt run --name few --on perf=page-faults,5k -- %t few
// CHECK: event {{ *}}counter
// CHECK-NEXT: cause {{ *}}perf=page-faults,5k
// Clocks and what happens in the kernel alone, where that is permitted.
// RUN: bash %S/Inputs/permitted %hwckpt run --on perf=task-clock,20M -o keep=100 -- %t busy
// RUN: bash %S/Inputs/permitted %hwckpt run --on perf=context-switches,20 -o keep=100 -- %t sleep
// What is not here is refused by `hwckpt run`, and left out by the program.
// RUN: %hwckpt run --on instructions=1M -o keep=100 -- %t busy 2>%t.1 || FileCheck %s --check-prefix=MISSING < %t.1
// RUN: HWCKPT_OPTIONS='on="llc=100,misses"' %t once 2>%t.2
// RUN: test -s %t.1 || exit 0; FileCheck %s --check-prefix=MISSING < %t.2
// MISSING: HWCKPT-E25{{[12]}}: event {{[^:]*}}:
// MISSING-SAME: {{instructions=1M|llc=100,misses}}: perf_event_open
// MISSING-NEXT: remedy:
// RUN: HWCKPT_OPTIONS='on="perf=no:such,1"' %t once 2>&1 | FileCheck %s --check-prefix=TRACEPOINT
// TRACEPOINT: HWCKPT-E25{{[12]}}: event {{[^:]*}}: perf=no:such,1:
// TRACEPOINT-SAME: {{no such tracepoint|tracefs is not mounted}}
// RUN: for bad in perf perf=bla,1 perf=page-faults perf=page-faults,0 perf=page-faults,x perf=LLC-loadss,1 perf=r,1 perf=rxy,1 perf=a:,1 perf=:b,1 perf=a:b:c,1 llc llc=1,2 llc=x instructions=; do bash %S/../tools/Inputs/status 2 %hwckpt run --on "$bad" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; done
#include "once.h"
#include <pthread.h>
#include <sys/mman.h>
static unsigned long long checkpoints(void) {
  struct hwckpt_statistics is;
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  return is.checkpoints;
}
static void touch_pages(void) {
  size_t size = 1 << 21;
  char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  madvise(pages, size, MADV_NOHUGEPAGE);
  for (size_t at = 0; at < size; at += 4096)
    pages[at] = 1;
  munmap(pages, size);
}
static void nap(void) { CHECK_EQUAL(usleep(1000), 0); }
static void nothing(void) {}
static void *until_more(void *argument) {
  void (*step)(void) = (void (*)(void))argument;
  unsigned long long wanted = checkpoints() + 2;
  double begin = now();
  while (checkpoints() < wanted) {
    CHECK(now() - begin < 20);
    step();
  }
  return NULL;
}
int main(int argc, char **argv) {
  pthread_t thread;
  CHECK(argc == 2);
  if (!strcmp(argv[1], "once"))
    return 0;
  if (!strcmp(argv[1], "busy") || !strcmp(argv[1], "sleep")) {
    until_more(*argv[1] == 'b' ? (void *)nothing : (void *)nap);
    return 0;
  }
  if (!strcmp(argv[1], "few")) {
    for (int i = 0; i < 6; i++) /* 512 each */
      touch_pages();
    for (int i = 0; i < 50; i++)
      nap();
    CHECK_EQUAL(checkpoints(), 0);
    return 0;
  }
  until_more(touch_pages);
  CHECK_EQUAL(pthread_create(&thread, NULL, until_more, touch_pages), 0);
  double begin = now();
  for (int i = 0; i < 100; i++)
    nap(); /* is not interrupted */
  CHECK(now() - begin >= 0.1);
  pthread_join(thread, NULL);
  die_once(argv[1]);
  until_more(touch_pages);
  return 7;
}
