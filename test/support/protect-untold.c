// A restore cannot add track=mprotect: E257, and no checkpoint, the program
// goes on. One that was started with it can be restored with another way, and
// back.
// RUN: rm -rf %t.folder && mkdir %t.folder && %behaviour %s -o %t
// RUN: %hwckpt run -- %t; test $? = 137 && { %hwckpt restore -o track=mprotect 2>%t.refused; test $? = 3; }
// RUN: FileCheck %s --check-prefix=REFUSED <%t.refused
// REFUSED: HWCKPT-E257: written pages cannot be found by mprotect:
// REFUSED-SAME: track=mprotect
// RUN: %hwckpt run -o track=mprotect -- %t; test $? = 137 && { %hwckpt restore -o track=wp; test $? = 4; }
// RUN: %hwckpt run -o track=mprotect -- %t; test $? = 137 && { %hwckpt restore; test $? = 4; }
#include "behaviour.h"

#include <sys/mman.h>

int main(void) {
  enum { SIZE = 1 << 20 };
  char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 1, SIZE);
  die_and_come_back();
  memset(memory, 2, SIZE);
  int result = __builtin_ckpt_save();
  if (result < 0)
    return 3;
  CHECK_EQUAL(result, 0);
  memory[SIZE / 2] = 3;
  return memory[SIZE / 2] + memory[SIZE - 1] - 1;
}
