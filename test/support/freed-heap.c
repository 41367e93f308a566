// Freed blocks of malloc are left out of checkpoints, of which the base has
// rounds; what stays is whole after a restore, and so is malloc: all of it can
// be had again, grows, and is zero where it is asked for zero.
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: for unused in heap nothing; do for method in auto stop precopy cow; do %restored -o unused=$unused -o method=$method -- %t || exit 1; done; done
// RUN: %behaviour -I%S/Inputs -static %s -o %t && %restored -- %t
#include "freed.h"
static unsigned char *blocks[BLOCKS];

static void allocate(unsigned from, unsigned step) {
  for (unsigned i = from; i < BLOCKS; i += step) {
    if (blocks[i])
      continue;
    size_t size = freed_size(i);
    blocks[i] = i % 3 ? malloc(size) : calloc(1, size);
    CHECK(blocks[i]);
    for (size_t k = 0; i % 3 == 0 && k < size; k++)
      CHECK_EQUAL(blocks[i][k], 0);
    freed_fill(blocks[i], i, size);
  }
}
static void release(unsigned from, unsigned step, int all) {
  for (unsigned i = from; i < BLOCKS; i += step)
    if (all || !freed_stays(i)) {
      free(blocks[i]);
      blocks[i] = NULL;
    }
}
static void expect_all(void) {
  for (unsigned i = 0; i < BLOCKS; i++)
    if (blocks[i])
      freed_expect(blocks[i], i, freed_size(i));
}
static void *work(void *unused) {
  (void)unused;
  allocate(1, 2);
  release(1, 2, 0);
  return NULL;
}

int main(void) {
  pthread_t thread;
  allocate(0, 2);
  pthread_create(&thread, NULL, work, NULL); /* in an arena of its own */
  pthread_join(thread, NULL);
  release(0, 2, 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  allocate(0, 3);
  release(0, 6, 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  expect_all();
  allocate(0, 5);
  release(3, 5, 1);
  die_and_come_back();
  expect_all();
  allocate(0, 1);
  expect_all();
  for (unsigned i = 0; i < BLOCKS; i++) {
    blocks[i] = realloc(blocks[i], freed_size(i) * 2);
    freed_expect(blocks[i], i, freed_size(i));
  }
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  release(0, 1, 1);
  return 0;
}
