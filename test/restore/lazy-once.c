// What is loaded while the program runs, and is not in the kernel's memory, is
// read past that: the cache's files take no memory from others.
// REQUIRES: root
// RUN: rm -rf %t.cache && export HWCKPT_CACHE=%t.cache && %clang -D_GNU_SOURCE -fhwckpt -O2 %s -o %t
// RUN: ! %hwckpt run --name it -- %t
// RUN: %python %S/Inputs/in-memory.py drop %t.cache
// RUN: %hwckpt restore --lazy it; test $? = 7
// RUN: %python %S/Inputs/in-memory.py less %t.cache 16
#include "Inputs/come-back.h"
#include <sys/mman.h>
enum { SIZE = 64 << 20, PAGE = 4096 };
static unsigned char in_memory[SIZE / PAGE];
int main(void) {
  unsigned state = 1;
  unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int i = 0; i < SIZE; i++) {
    state = state * 1664525 + 1013904223;
    memory[i] = (unsigned char)(state >> 24);
  }
  die_and_come_back();
  // It touches nothing of it: who asks for a page has what is near read as
  // well, and kept.
  for (int missing = 1; missing;) {
    usleep(10000);
    CHECK(mincore(memory, SIZE, in_memory) == 0);
    missing = 0;
    for (int i = 0; i < SIZE / PAGE; i++)
      missing += !(in_memory[i] & 1);
  }
  return 7;
}
