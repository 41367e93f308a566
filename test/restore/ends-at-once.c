// A program that ends as soon as it is back, while its memory is still loaded
// or just is: nothing of hwckpt is left when the tool has ended, also not the
// process that loads. REQUIRES: root
// RUN: rm -rf %t.cache && export HWCKPT_CACHE=%t.cache && %clang -D_GNU_SOURCE -fhwckpt -O2 %s -o %t
// RUN: ! %hwckpt run --name it -- %t
// RUN: %python %S/Inputs/ends-at-once %hwckpt it
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { BYTES = 64 << 20 };
int main(void) {
  char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int i = 0; i < BYTES; i += 4096)
    memset(memory + i, i >> 12, 4096);
  die_and_come_back();
  char byte;
  CHECK(read(0, &byte, 1) >= 0);
  return 7;
}
