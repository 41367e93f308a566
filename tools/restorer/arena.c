/* arena.c - the copy's memory: blocks one after the other in restorer.arena,
 * which the resume code unmaps at the end as a whole. */
#include "restorer.h"

#include "../../runtime/arch/sys.h"

#include <sys/mman.h>

static uint64_t used; /* bytes of the arena */

void *arena_map(size_t length) {
  uint64_t size = PAGE_ROUND(length);
  uint64_t room = restorer.arena.end - restorer.arena.begin - used;
  if (size < length || size > room)
    return NULL;
  void *block = (void *)(restorer.arena.begin + used);
  used += size;
  return block;
}

/* Blocks are zeroed when they are taken again; only the last one is. */
static void arena_unmap(void *address, size_t length) {
  uint64_t size = PAGE_ROUND(length);
  SYS(madvise, address, size, MADV_DONTNEED);
  if ((uint64_t)address + size == restorer.arena.begin + used)
    used -= size;
}

const struct cache_env arena_env = {&cache_io_kernel, arena_map, arena_unmap};
