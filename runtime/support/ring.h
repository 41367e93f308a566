/* ring.h - memory through which captured pages go to the cache's writer.
 *
 * One side puts pages and holes in, the other takes them out in the same order;
 * neither blocks the other while there is room. Its memory is shared, so that a
 * copy-on-write child of the program (cow_child.h) can be the side that puts.
 * Invariant: what is taken out was whole when it was published, and of two
 * pages at one address the later one is taken out last.
 */
#ifndef HWCKPT_SUPPORT_RING_H
#define HWCKPT_SUPPORT_RING_H

#include "../cache/cache.h"

#include <stdatomic.h>
#include <stdbool.h>

/* What is in a slot: a page's address, and in the bits below it: */
#define RING_KEEP_ZERO 1u /* absent does not read as zero there */
#define RING_RANGES 2u    /* the slot holds ranges without pages */
#define RING_REPLACED 4u  /* a later slot has the page */
#define RING_TAKEN 8u     /* the other side has it */

struct ring_range {
  uint64_t begin, length;
};
#define RING_RANGES_MAX (CACHE_PAGE_SIZE / sizeof(struct ring_range))

/* In shared memory. Positions count slots, and never begin anew. */
struct ring_state {
  _Atomic uint64_t published; /* slots filled; its low half is a futex */
  _Atomic uint64_t released;  /* slots that may be filled again; likewise */
  _Atomic uint32_t failed;    /* the other side discards all it takes */
};

struct ring {
  struct ring_state *state;
  _Atomic uint64_t *slots; /* shared: address and bits */
  char *pages;             /* shared: capacity * CACHE_PAGE_SIZE */
  uint32_t *recent;        /* by address: position + 1 of its newest slot */
  uint32_t recent_mask;    /* entries of `recent`, less one */
  uint32_t most;           /* slots there are */
  uint32_t capacity;       /* slots in use; changes while it is empty */
  uint32_t touched;        /* slots whose memory is there */
  uint64_t filled;         /* position behind the last slot put */
  bool ranges_open;        /* the last filled slot takes more ranges */
};

int ring_open(struct ring *ring, size_t bytes, struct hwckpt_error *error);

/* ---- the side that puts ---- */

/* Empties it for a new generation; the other side has taken everything. Half of
 * it is used: that keeps the other side busy, and is all the memory it takes
 * while the program runs, and memory for the lists of its pages is needed most.
 */
void ring_begin(struct ring *ring);

/* Waits until all has been taken; from then on all of it is used. */
void ring_widen(struct ring *ring);

/* Slots free now. */
uint32_t ring_room(const struct ring *ring);

/* Waits until `slots` (at most the capacity) are free; what is filled is
 * published. */
void ring_wait_room(struct ring *ring, uint32_t slots);

/* Publishes what is filled and waits until all of it has been taken. */
void ring_wait_empty(struct ring *ring);

/* Of an empty one, the memory that is not used while the program runs. */
void ring_give_back(struct ring *ring);

/* Makes memory for the next `slots`, so that filling them takes no fault. */
void ring_touch(struct ring *ring, uint32_t slots);

/* Where the i-th page from now on goes; consecutive ones lie together as long
 * as i is below ring_run(). */
void *ring_page(const struct ring *ring, uint32_t i);
uint32_t ring_run(const struct ring *ring);

/* The page of the last slot that was filled, as long as it is not published. */
void *ring_last_page(const struct ring *ring);

/* The next free slot, whose page is in place, is of this address. */
void ring_fill(struct ring *ring, uint64_t address, uint32_t bits);

/* Nothing is stored of the range: what was put of it before counts no more.
 * Needs one slot of room. */
void ring_fill_range(struct ring *ring, uint64_t begin, uint64_t length);

/* Lets the other side have what is filled. */
void ring_publish(struct ring *ring);

/* Goes on behind what another process published. */
void ring_adopt(struct ring *ring);

/* ---- the side that takes ---- */

/* Waits for slots and takes at most `most` that lie together, from the position
 * *first on. Returns how many. */
uint32_t ring_take(struct ring *ring, uint32_t most, uint64_t *first);
uint64_t ring_slot(const struct ring *ring, uint64_t position);
const void *ring_slot_page(const struct ring *ring, uint64_t position);
void ring_release(struct ring *ring, uint32_t count);

#endif
