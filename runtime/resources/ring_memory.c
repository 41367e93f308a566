/* ring_memory.c - see ring_memory.h. Source: io_uring/memmap.c of Linux. */
#include "ring_memory.h"

#include "../arch/sys.h"
#include "filled_space.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ENTER_AWAIT 1u                 /* IORING_ENTER_GETEVENTS */
#define ENTER_WAKE 2u                  /* IORING_ENTER_SQ_WAKEUP */
#define OFFSET_SUBMISSIONS 0x10000000u /* IORING_OFF_SQES */
#define SUBMISSION 64u                 /* bytes of one */
#define PAGE 4096u

/* Of what ring_memory.h calls the layout. */
enum { SUBMISSION_TAIL = 1, COMPLETION_HEAD = 2, ORDER = 5 };

/* A new ring while it is filled. */
struct filling {
  int fd;
  const IoUring *state;
  char *rings, *submissions;
};

static uint64_t pages(uint64_t bytes) {
  return (bytes + PAGE - 1) / PAGE * PAGE;
}

uint64_t ring_memory_size(const IoUring *state, uint32_t offset) {
  return offset == OFFSET_SUBMISSIONS
             ? pages((uint64_t)state->submissions * SUBMISSION)
             : pages(state->layout[ORDER] +
                     (uint64_t)state->submissions * sizeof(uint32_t));
}

static void *map_part(const struct filling *ring, uint32_t offset) {
  long at = SYS(mmap, 0, ring_memory_size(ring->state, offset),
                PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, offset);
  return at < 0 && at > -4096 ? 0 : (void *)at;
}

static void unmap_part(const struct filling *ring, void *part,
                       uint32_t offset) {
  if (part)
    SYS(munmap, part, ring_memory_size(ring->state, offset));
}

/* A thread of the kernel has them done a moment later. */
static long submit(const struct filling *ring, uint32_t count) {
  if (!ring->state->has_thread)
    return SYS(io_uring_enter, ring->fd, count, 0, 0, 0, 0);
  return SYS(io_uring_enter, ring->fd, count, count, ENTER_AWAIT | ENTER_WAKE,
             0, 0);
}

/* Submissions of zeros are IORING_OP_NOP, done when io_uring_enter() returns.
 */
static long count_on(const struct filling *ring) {
  const IoUring *state = ring->state;
  volatile uint32_t *tail =
      (void *)(ring->rings + state->layout[SUBMISSION_TAIL]);
  volatile uint32_t *head =
      (void *)(ring->rings + state->layout[COMPLETION_HEAD]);
  while (*tail != state->count) {
    uint32_t some = state->count - *tail;
    some = some < state->submissions ? some : state->submissions;
    *tail += some;
    long taken = submit(ring, some);
    if (taken != (long)some)
      return taken < 0 ? taken : -EIO;
    *head = *tail;
  }
  return 0;
}

/* A ring made with NO_SQARRAY takes its submissions in their order, and nobody
 * ever wrote to where another has it. */
static void set_order(const struct filling *ring) {
  uint32_t *order = (void *)(ring->rings + ring->state->layout[ORDER]);
  for (uint32_t i = 0; i < ring->state->submissions; i++)
    if (order[i])
      return;
  for (uint32_t i = 0; i < ring->state->submissions; i++)
    order[i] = i;
}

/* The memory of the old ring is there, as memory of the program's own. */
static long take_content(const struct filling *ring) {
  const IoUring *state = ring->state;
  for (size_t i = 0; i < state->mapping_count; i++) {
    uint32_t offset = state->mapping[i].offset;
    if (state->mapping[i].length > ring_memory_size(state, offset))
      return -EOVERFLOW;
    memcpy(offset == OFFSET_SUBMISSIONS ? ring->submissions : ring->rings,
           (const void *)state->mapping[i].start, state->mapping[i].length);
  }
  set_order(ring);
  /* Whether it sleeps is said in that memory, by itself alone. */
  if (state->has_thread)
    SYS(io_uring_enter, ring->fd, 0, 0, ENTER_WAKE, 0, 0);
  return 0;
}

long ring_memory_fill(int fd, const IoUring *state) {
  struct filling ring = {fd, state, 0, 0};
  ring.rings = map_part(&ring, 0);
  ring.submissions = map_part(&ring, OFFSET_SUBMISSIONS);
  long result = ring.rings && ring.submissions ? count_on(&ring) : -ENOMEM;
  if (result >= 0)
    result = take_content(&ring);
  unmap_part(&ring, ring.rings, 0);
  unmap_part(&ring, ring.submissions, OFFSET_SUBMISSIONS);
  return result;
}

/* Of the scratch memory, behind what records are decoded from. */
#define HOLES_ROOM (RESOURCE_SCRATCH - RESOURCE_SCRATCH_FACTS)

long ring_memory_take_place(struct resource_source *source, int ring,
                            const IoUring *state) {
  struct filled_space space;
  long result = filled_space_fill(
      &space, (char *)source->scratch + RESOURCE_SCRATCH_FACTS, HOLES_ROOM);
  for (size_t i = 0; result >= 0 && i < state->mapping_count; i++)
    result = filled_space_map(state->mapping[i].start, state->mapping[i].length,
                              state->mapping[i].protection, ring,
                              state->mapping[i].offset);
  filled_space_empty(&space);
  return result;
}
