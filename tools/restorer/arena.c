/* arena.c - the copy's memory: blocks one after the other in restorer.arena,
 * which the resume code unmaps at the end as a whole. */
#include "restorer.h"

#include "../../runtime/arch/sys.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uint64_t)2 << 20)

static uint64_t used;    /* bytes of the arena */
static uint64_t touched; /* bytes of it that may not be zero any more */

void arena_open(void) {
  struct cache_range *arena = &restorer.arena;
  arena->begin = (arena->begin + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  /* Indexes and frames are megabytes: a fault for each page would take longer
   * than what is done with it. */
  SYS(madvise, arena->begin, arena->end - arena->begin, MADV_HUGEPAGE);
}

void *arena_map(size_t length) {
  uint64_t size = PAGE_ROUND(length);
  uint64_t room = restorer.arena.end - restorer.arena.begin - used;
  if (size < length || size > room)
    return NULL;
  char *block = (char *)(restorer.arena.begin + used);
  if (used < touched)
    memset(block, 0, touched - used < size ? touched - used : size);
  used += size;
  touched = touched < used ? used : touched;
  return block;
}

/* Only the last block is taken again. */
static void arena_unmap(void *address, size_t length) {
  uint64_t size = PAGE_ROUND(length);
  if ((uint64_t)address + size == restorer.arena.begin + used)
    used -= size;
  else if (size >= HUGE_PAGE)
    SYS(madvise, address, size, MADV_DONTNEED);
}

const struct cache_env arena_env = {&cache_io_kernel, arena_map, arena_unmap};
