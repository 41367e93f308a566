// A marked variable that a debug register watches is seen on a page that is
// protected for other memory, too: then the step over the write is told of, and
// not what the register saw of it.
// RUN: %hwckpt doctor | grep '^watching *yes' || { echo 'SKIP: no debug registers' >&2; exit 77; }
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run --name shared -o keep=100 --on watch=beside,pages -- %t
// RUN: %hwckpt list --json shared >%t.list
// RUN: for i in $(seq $(grep -c '"event":' %t.list)); do %hwckpt show shared/$i || exit 1; done | grep '^cause' | FileCheck %s
// CHECK: marked (8 bytes
// CHECK: marked (8 bytes
// CHECK: watch=beside,pages (
// CHECK: marked (8 bytes
#include "behaviour.h"
#include <hwckpt.h>

#define HERE __attribute__((section("shared"), used))
HERE __attribute__((aligned(4096))) static char front[8] = {1};
HERE __attribute__((hwckpt_watch)) static volatile long marked = 1;
HERE char beside[100] = {1};

// One checkpoint has it; after the other nothing is left of it.
static void until_taken(unsigned long long before) {
  CHECK_EQUAL(hwckpt_wait(before + 1, 60000), 0);
  CHECK_EQUAL(hwckpt_save(), 0);
}

int main(void) {
  CHECK_EQUAL(hwckpt_save(), 0);
  unsigned long long before;
  CHECK((char *)&marked == front + sizeof front);
  CHECK_EQUAL((unsigned long)beside / 4096, (unsigned long)front / 4096);
  before = hwckpt_generation();
  marked = 2;
  until_taken(before);
  before = hwckpt_generation();
  // One store that begins in front of it; the compiler sees no write to it.
  __asm__ volatile("movups %%xmm0, %0"
                   : "=m"(*(char(*)[16])front)
                   :
                   : "memory");
  until_taken(before);
  before = hwckpt_generation();
  ((volatile char *)beside)[50] = 2;
  until_taken(before);
  before = hwckpt_generation();
  marked = 3;
  until_taken(before);
  return 0;
}
