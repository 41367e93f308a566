/* system_v_used.c - see system_v_used.h. */
#include "system_v_used.h"

#include <stdatomic.h>

#define USED_MAX 4096u

static _Atomic uint64_t used[USED_MAX]; /* kind and id, 0: free */
static _Atomic bool too_many;

static uint64_t entry_of(int object, int id) {
  return (uint64_t)(unsigned)object << 32 | (unsigned)id;
}

void __hwckpt_system_v_used(int object, int id) {
  uint64_t entry = entry_of(object, id);
  for (size_t i = 0; i < USED_MAX; i++)
    if (atomic_load_explicit(&used[i], memory_order_relaxed) == entry)
      return;
  for (size_t i = 0; i < USED_MAX; i++) {
    uint64_t none = 0;
    if (atomic_compare_exchange_strong(&used[i], &none, entry))
      return;
  }
  atomic_store(&too_many, true);
}

int system_v_used_next(enum system_v_object object, size_t *cursor) {
  while (*cursor < USED_MAX) {
    uint64_t entry = atomic_load(&used[(*cursor)++]);
    if (entry >> 32 == (uint64_t)object)
      return (int)(uint32_t)entry;
  }
  return -1;
}

void system_v_used_forget(size_t cursor) { atomic_store(&used[cursor - 1], 0); }

bool system_v_used_too_many(void) { return atomic_load(&too_many); }
