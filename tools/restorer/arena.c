/* arena.c - the copy's memory: blocks one after the other in restorer.arena,
 * which the resume code unmaps at the end as a whole.
 *
 * Only what has been asked for can be written: a kernel that gives away no more
 * memory than there is (vm.overcommit_memory=2) counts all of that, and what is
 * not counted is left to the program. */
#include "restorer.h"

#include "../../runtime/arch/sys.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uint64_t)2 << 20)
#define STEP (4 * HUGE_PAGE)

static uint64_t used;    /* bytes of the arena */
static uint64_t touched; /* bytes of it that may not be zero any more */
static uint64_t opened;  /* bytes of it that can be written */

void arena_open(void) {
  struct cache_range *arena = &restorer.arena;
  arena->begin = (arena->begin + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  /* Indexes and frames are megabytes: a fault for each page would take longer
   * than what is done with it. */
  SYS(madvise, arena->begin, arena->end - arena->begin, MADV_HUGEPAGE);
}

/* Lets `wanted` bytes be written, and a few more where there is room. */
static bool open_up(uint64_t wanted) {
  uint64_t room = restorer.arena.end - restorer.arena.begin;
  uint64_t end = (wanted + STEP - 1) / STEP * STEP;
  if (wanted <= opened)
    return true;
  if (end > room)
    end = room;
  long result = SYS(mprotect, restorer.arena.begin + opened, end - opened,
                    PROT_READ | PROT_WRITE);
  if (result == 0)
    opened = end;
  return result == 0;
}

void *arena_map(size_t length) {
  uint64_t size = PAGE_ROUND(length);
  uint64_t room = restorer.arena.end - restorer.arena.begin - used;
  if (size < length || size > room || !open_up(used + size))
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

const struct cache_env arena_env = {
    .io = &cache_io_kernel, .map = arena_map, .unmap = arena_unmap};
