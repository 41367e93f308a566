// Where a filter forbids userfaultfd(2), as those of containers do, memory is
// loaded while the program runs by way of /dev/userfaultfd, if that is there.
// REQUIRES: root
// RUN: rm -rf %t.cache && export HWCKPT_CACHE=%t.cache && %clang -D_GNU_SOURCE -fhwckpt -O2 %s -o %t && clang-19 -O2 %S/Inputs/lacking.c -o %t.lacking
// RUN: ! %hwckpt run --name it -- %t
// RUN: %t.lacking userfaultfd EPERM %hwckpt restore --lazy --timing %t.json it 2> %t.err; test $? = 7 || { test ! -e /dev/userfaultfd && grep E321 %t.err; }
// RUN: grep '"mode": "lazy"' %t.json || test ! -e /dev/userfaultfd
#include "Inputs/come-back.h"
#include <sys/mman.h>
enum { SIZE = 16 << 20 };
int main(void) {
  char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int i = 0; i < SIZE; i += 64)
    memory[i] = (char)(i / 4096 + 1);
  die_and_come_back();
  for (int i = SIZE - 64; i >= 0; i -= 64)
    CHECK(memory[i] == (char)(i / 4096 + 1));
  // Until all is there, which the tool notes: it ends with the program.
  for (int left = 100; left; left--)
    usleep(2000);
  return 7;
}
