// A program that marks more variables than can be watched is told so; those
// that there is room for are watched.
// RUN: rm -rf %t && mkdir %t
// RUN: for part in 1 2; do %python %S/Inputs/watched_variables.py $part 150 >%t/$part.c && %behaviour -c %t/$part.c -o %t/$part.o || exit 1; done
// RUN: %behaviour %s %t/1.o %t/2.o -o %t/main
// RUN: %t/main 2>%t/said
// RUN: FileCheck %s <%t/said && grep -c HWCKPT-E %t/said | FileCheck %s --check-prefix=ONCE
// CHECK: HWCKPT-E209: {{.*}}: part2_106: 44 variables are not watched, this is the first; the most is 256
// CHECK-NEXT: remedy: mark an array
// ONCE: {{^}}1{{$}}
#include "behaviour.h"
#include <hwckpt.h>

void write_part1(int number), write_part2(int number);

static long more;

static void expect(unsigned count) {
  double begin = now();
  while (generations() < count)
    CHECK(now() - begin < 20);
  usleep(20000);
  CHECK_EQUAL(generations(), count);
}

int main(void) {
  write_part1(0);
  expect(1);
  write_part2(105);
  expect(2);
  write_part2(106);
  expect(2);
  /* What is watched changes: it was said already. */
  CHECK_EQUAL(hwckpt_watch(&more, sizeof more), 0);
  CHECK_EQUAL(hwckpt_unwatch(&more, sizeof more), 0);
  return 0;
}
