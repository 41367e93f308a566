/* delta_size.c - writes so many pages of 32 MiB between checkpoints. */
#include "behaviour.h"
enum { PAGES = 8192, PAGE = 4096 };
static _Alignas(4096) unsigned char memory[PAGES * PAGE];
static void write_pages(unsigned count, unsigned seed) {
  for (unsigned i = 0; i < count; i++) {
    unsigned char *page = memory + (size_t)(i * 37 + seed) % PAGES * PAGE;
    for (unsigned k = 0; k < PAGE; k++)
      page[k] += (unsigned char)(seed + k * 7 + i);
  }
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
}
int main(void) {
  write_pages(PAGES, 1);
  static const unsigned counts[] = {0, 1, 10, 100, 1000, 4000, 0};
  for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++)
    write_pages(counts[i], i + 2);
  return 0;
}
