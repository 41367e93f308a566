// A mapping far larger than memory, with some pages in it, costs only those.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static const size_t size = (size_t)64 << 30;
static char *memory;
static void prepare(void) {
  memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    SKIP("no address space of 64 GiB");
  for (size_t at = 0; at < size; at += (size_t)1 << 30)
    memory[at] = (char)(at >> 30 | 1);
}
static void change(void) {
  for (size_t at = 12345; at < size; at += (size_t)3 << 30)
    memory[at] = 9;
}
static void last(void) { memory[size - 1] = 8; }
int main(void) {
  STEPS(prepare, change, last);
  for (size_t at = 0; at < size; at += (size_t)1 << 30)
    CHECK_EQUAL(memory[at], (char)(at >> 30 | 1));
  for (size_t at = 12345; at < size; at += (size_t)3 << 30)
    CHECK_EQUAL(memory[at], 9);
  CHECK_EQUAL(memory[size - 1], 8);
  CHECK_EQUAL(memory[size / 2 + 5 * PAGE], 0);
  return 0;
}
