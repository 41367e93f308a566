// Too little memory for a checkpoint (ulimit -v): the save fails, and the
// program goes on, wherever it was that memory was short. (The rule has the
// thread there that takes it.)
// RUN: %behaviour %s -o %t && HWCKPT_OPTIONS=on=cpu=1h %t 2>%t.said && FileCheck %s <%t.said
// CHECK: HWCKPT-E204: not enough memory to take the checkpoint:
#include "behaviour.h"
#include <hwckpt.h>
#include <sys/resource.h>

int main(void) {
  size_t size = 64 << 20; // what is noted of it goes by its size
  char *memory = malloc(size);
  unsigned long pages;
  struct rlimit limit;
  CHECK(memory);
  memset(memory, 1, size);
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file && fscanf(file, "%lu", &pages) == 1);
  CHECK_EQUAL(fclose(file), 0);
  CHECK_EQUAL(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = pages * 4096 + (4 << 20);
  CHECK_EQUAL(setrlimit(RLIMIT_AS, &limit), 0);
  CHECK_EQUAL(hwckpt_save(), -EIO);
  CHECK_EQUAL(hwckpt_generation(), 0);
  CHECK_EQUAL(memory[size - 1], 1);
  return 0;
}
