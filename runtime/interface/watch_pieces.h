/* watch_pieces.h - the pieces of memory whose pages are protected, because a
 * slot of watch_range.h is watched so: their state, and what changes it.
 *
 * Invariant: the lock is held with all signals blocked, so that no thread is
 * stopped in it; who calls the rest holds it, or all threads stand.
 */
#ifndef HWCKPT_INTERFACE_WATCH_PIECES_H
#define HWCKPT_INTERFACE_WATCH_PIECES_H

#include "../support/memory_map.h"
#include "watch_range.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCH_PIECES 256u

struct watch_piece {
  uint64_t begin, end; /* all 0: not any more */
  uint64_t until;      /* the end with the parts that were cut off */
  uint32_t protection; /* the program's */
  uint32_t steps;      /* threads that it is open for */
  uint64_t closed;     /* when it was last: no two are alike */
  bool open, loose;    /* until the next stop */
  bool summed;         /* loose for others: a write is seen by what is there */
  uint64_t sum;
};

extern struct watch_pieces {
  struct watch_piece piece[WATCH_PIECES];
  unsigned count, whole; /* behind those there are parts of them */
} watch_pieces;

/* What unlocking is to be given. */
uint64_t watch_pieces_lock(void);
void watch_pieces_unlock(uint64_t before);

/* The one that holds the address, or null. */
struct watch_piece *watch_pieces_find(uint64_t address);

/* For writes of the program; and no more. */
void watch_pieces_open(struct watch_piece *piece);
void watch_pieces_close(struct watch_piece *piece);

/* What of a large piece has [begin, end) in it, as a piece of its own: a call
 * may write there, and what others write to the rest faults yet. The piece
 * itself where there is no room, or it is open. */
struct watch_piece *watch_pieces_cut(struct watch_piece *piece, uint64_t begin,
                                     uint64_t end);
/* With all threads standing, and all closed. */
void watch_pieces_join(void);

/* Until the next stop, for a system call or the runtime; then, while all
 * threads stand, what was written counts. Another time: what is there is known.
 */
void watch_pieces_loosen(struct watch_piece *piece);
void watch_pieces_settle(struct watch_piece *piece);
void watch_pieces_sum_again(struct watch_piece *piece);

/* With all threads standing: those of a slot, by the areas of the map. False:
 * there is no room. */
bool watch_pieces_add(const struct memory_map *map, unsigned slot);

/* Slots, a bit each, whose memory is in [begin, end) and that are watched so.
 */
uint64_t watch_slots_by(enum watch_how how, uint64_t begin, uint64_t end);
uint64_t watch_slots_by_pages(uint64_t begin, uint64_t end);

#endif
