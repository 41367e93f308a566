// 1 TiB of which a few pages are touched; the image stays small.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 2 7 %t
// RUN: test $(du -s -k $HWCKPT_CACHE | cut -f1) -lt 4096
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096 };
static const size_t size = (size_t)1 << 40, stride = ((size_t)16 << 30) + PAGE;
static void holds(const char *at, int value) {
  for (int i = 0; i < PAGE; i++)
    CHECK(at[i] == value);
}
int main(void) {
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int i = 0; i < 63; i++)
    memset(memory + (size_t)i * stride, i + 1, PAGE);
  save();
  memset(memory + 5 * stride, 'x', PAGE);
  memset(memory + size - PAGE, 'y', PAGE);
  CHECK(madvise(memory + 6 * stride, PAGE, MADV_DONTNEED) == 0);
  die_and_come_back();
  for (int i = 0; i < 63; i++)
    holds(memory + (size_t)i * stride, i == 5 ? 'x' : i == 6 ? 0 : i + 1);
  holds(memory + size - PAGE, 'y');
  holds(memory + size / 2 + 7 * PAGE, 0);
  save();
  memset(memory + 7 * stride, 'z', PAGE);
  die_and_come_back();
  holds(memory + 7 * stride, 'z');
  holds(memory + 8 * stride, 9);
  return 7;
}
