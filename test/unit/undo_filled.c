/* Blocks that logs of several processes have: the one that found the file less
 * changed says what they held, in whatever order the logs are taken back, and
 * the file's size and time; logs of one process count as they come. Without
 * memory it is said. */
// RUN: %unit/undo_filled
// RUN: %unit/sanitized/undo_filled
#include "Inputs/unit.h"

#include "runtime/cache/undo_filled.h"

static bool has_memory = true;

static void *map(size_t length) {
  return has_memory ? cache_env_kernel.map(length) : NULL;
}

static struct cache_env env;

static struct undo_filled begin(void) {
  env = cache_env_kernel;
  env.map = map;
  return (struct undo_filled){.env = &env};
}

static struct undo_state_of at(uint64_t inode, uint64_t mtime) {
  return (struct undo_state_of){1, inode, mtime, mtime * 10};
}

static int fills(struct undo_filled *filled, unsigned process, uint64_t inode,
                 uint64_t mtime, uint64_t block) {
  struct undo_state_of file = at(inode, mtime);
  filled->process = process;
  return undo_filled_block(filled, &file, block);
}

static uint64_t size_of(struct undo_filled *filled, unsigned process,
                        uint64_t inode, uint64_t mtime) {
  struct undo_state_of file = at(inode, mtime);
  filled->process = process;
  CHECK(undo_filled_file(filled, &file));
  CHECK(file.size == file.mtime_ns * 10);
  return file.size;
}

int main(void) {
  struct undo_filled filled = begin();

  /* The one that is less changed first, and last. */
  CHECK(fills(&filled, 2, 5, 10, 0) == 1);
  CHECK(fills(&filled, 1, 5, 20, 0) == 0);
  CHECK(fills(&filled, 1, 5, 20, 1) == 1);
  CHECK(fills(&filled, 0, 5, 10, 1) == 1);
  CHECK(fills(&filled, 1, 5, 20, 1) == 0);
  /* Of the same time, and of one process: as they come. */
  CHECK(fills(&filled, 3, 5, 10, 1) == 1);
  CHECK(fills(&filled, 3, 5, 30, 1) == 1);
  /* Another file. */
  CHECK(fills(&filled, 1, 6, 40, 0) == 1);

  CHECK(size_of(&filled, 2, 5, 20) == 200);
  CHECK(size_of(&filled, 1, 5, 30) == 200);
  CHECK(size_of(&filled, 1, 5, 10) == 100);
  CHECK(size_of(&filled, 0, 5, 20) == 100);

  /* Many: all are found again when there are more. */
  for (unsigned i = 0; i < 100000; i++)
    CHECK(fills(&filled, 1, 7 + i % 3, 50 + i % 2, i) == 1);
  for (unsigned i = 0; i < 100000; i++)
    CHECK(fills(&filled, 2, 7 + i % 3, 51, i) == (i % 2 ? 1 : 0));
  undo_filled_close(&filled);

  filled = begin();
  has_memory = false;
  struct undo_state_of file = at(5, 10);
  CHECK(fills(&filled, 1, 5, 10, 0) == -1 && !undo_filled_file(&filled, &file));
  has_memory = true;
  CHECK(fills(&filled, 1, 5, 10, 0) == 1);
  undo_filled_close(&filled);
  return 0;
}
