/* freed_bytes.c - checkpoints of 32 MiB of noise in blocks of malloc: all of
 * it, then with three quarters freed, then with a sixteenth had again; at last
 * with 4 MiB of stack that was in use and is no more. */
#include "freed.h"
enum { NOISE = 2048, SIZE = 16000, DEEP = 4 << 20 };
static unsigned char *blocks[NOISE];
static void allocate(unsigned step) {
  for (unsigned i = 0; i < NOISE; i += step)
    if (!blocks[i])
      freed_fill(blocks[i] = malloc(SIZE), i, SIZE);
}
__attribute__((noinline)) static unsigned use_stack(unsigned seed) {
  volatile unsigned char deep[DEEP];
  for (size_t i = 0; i < DEEP; i++)
    deep[i] = (unsigned char)freed_byte(seed, i);
  return deep[seed % DEEP];
}
int main(void) {
  allocate(1);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (unsigned i = 0; i < NOISE; i++)
    if (i / 16 % 4) {
      blocks[i][0]++;
      free(blocks[i]);
      blocks[i] = NULL;
    } else {
      freed_fill(blocks[i], i + 1, SIZE);
    }
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  allocate(16);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK(use_stack(7) < 256);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  return 0;
}
