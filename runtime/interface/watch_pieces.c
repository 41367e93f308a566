/* watch_pieces.c - see watch_pieces.h. Compiled for general registers only. */
#include "watch_pieces.h"

#include "../arch/sys.h"
#include "../support/process_lock.h"
#include "watch_calls.h"
#include "watch_range.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define PAGE 4096u

struct watch_pieces watch_pieces;

static _Atomic int lock;

uint64_t watch_pieces_lock(void) { return process_lock_blocking(&lock); }

void watch_pieces_unlock(uint64_t before) {
  process_unlock_blocking(&lock, before);
}

void watch_pieces_open(struct watch_piece *piece) {
  if (!piece->open)
    SYS(mprotect, piece->begin, piece->end - piece->begin, piece->protection);
  piece->open = true;
}

void watch_pieces_close(struct watch_piece *piece) {
  static uint64_t closings; /* under the lock */
  if (piece->open) {
    piece->closed = ++closings;
    SYS(mprotect, piece->begin, piece->end - piece->begin,
        piece->protection & ~(uint32_t)PROT_WRITE);
  }
  piece->open = piece->loose = false;
  piece->steps = 0;
}

struct watch_piece *watch_pieces_find(uint64_t address) {
  for (unsigned i = 0; i < watch_pieces.count; i++) {
    struct watch_piece *piece = &watch_pieces.piece[i];
    if (address - piece->begin < piece->end - piece->begin)
      return piece;
  }
  return 0;
}

uint64_t watch_slots_by(enum watch_how how, uint64_t begin, uint64_t end) {
  uint64_t slots = 0;
  for (unsigned i = 0; i < WATCH_SLOTS; i++) {
    const struct watch_range *range = &watch_state.ranges[i];
    uint64_t first = atomic_load(&range->address);
    if (first && atomic_load(&range->how) == how && first < end &&
        begin < first + range->length)
      slots |= 1ull << i;
  }
  return slots;
}

uint64_t watch_slots_by_pages(uint64_t begin, uint64_t end) {
  return watch_slots_by(WATCH_BY_PAGES, begin, end);
}

/* So much of a piece is summed up at most; in a larger one, all of which is
 * watched but for its ends, calls are seen by what they are given. */
#define SUMMED (64u << 10)

/* Of what is watched in it. */
static uint64_t sum_of(const struct watch_piece *piece) {
  uint64_t sum = 0, slots = watch_slots_by_pages(piece->begin, piece->end);
  for (; slots; slots &= slots - 1) {
    const struct watch_range *range =
        &watch_state.ranges[__builtin_ctzll(slots)];
    uint64_t first = atomic_load(&range->address);
    uint64_t last = first + range->length;
    first = first > piece->begin ? first : piece->begin;
    last = last < piece->end ? last : piece->end;
    sum = sum * 31 + watch_calls_sum(first, last - first);
  }
  return sum;
}

static bool is_small(const struct watch_piece *piece) {
  return piece->end - piece->begin <= SUMMED;
}

static struct watch_piece *add_part(const struct watch_piece *piece,
                                    uint64_t begin, uint64_t end) {
  struct watch_piece *part = &watch_pieces.piece[watch_pieces.count];
  *part = *piece;
  part->begin = begin;
  part->end = part->until = end;
  watch_pieces.count++;
  return part;
}

struct watch_piece *watch_pieces_cut(struct watch_piece *piece, uint64_t begin,
                                     uint64_t end) {
  begin &= ~(uint64_t)(PAGE - 1);
  end = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
  if (is_small(piece) || piece->open || watch_pieces.count + 2 > WATCH_PIECES)
    return piece;
  struct watch_piece *part = piece;
  uint64_t last = piece->end;
  if (end < last)
    add_part(piece, end, last);
  else
    end = last;
  if (begin > piece->begin)
    part = add_part(piece, begin, end);
  piece->end = begin > piece->begin ? begin : end;
  return part;
}

void watch_pieces_join(void) {
  if (watch_pieces.count <= watch_pieces.whole)
    return;
  watch_pieces.count = watch_pieces.whole;
  for (unsigned i = 0; i < watch_pieces.count; i++)
    watch_pieces.piece[i].end = watch_pieces.piece[i].until;
}

/* What is written until it is open still faults. */
void watch_pieces_loosen(struct watch_piece *piece) {
  if (!piece->loose && !piece->summed) {
    piece->summed = true;
    if (is_small(piece))
      piece->sum = sum_of(piece);
  }
  watch_pieces_open(piece);
  piece->loose = true;
}

void watch_pieces_settle(struct watch_piece *piece) {
  uint64_t slots = watch_slots_by_pages(piece->begin, piece->end);
  if (!piece->summed)
    return;
  piece->summed = false;
  if (is_small(piece) && sum_of(piece) != piece->sum) {
    watch_calls_known(piece->begin, piece->end);
    watch_range_fire(slots, SEEN_BY_PAGE);
  }
}

void watch_pieces_sum_again(struct watch_piece *piece) {
  if (piece->summed && is_small(piece))
    piece->sum = sum_of(piece);
}

static bool add_piece(uint64_t begin, uint64_t end, uint32_t protection) {
  for (unsigned i = 0; i < watch_pieces.count;
       i++) { /* pages of another slot */
    const struct watch_piece *other = &watch_pieces.piece[i];
    if (other->begin < end && begin < other->end)
      return (begin >= other->begin ||
              add_piece(begin, other->begin, protection)) &&
             (end <= other->end || add_piece(other->end, end, protection));
  }
  if (watch_pieces.count == WATCH_PIECES)
    return false;
  watch_pieces.piece[watch_pieces.count++] =
      (struct watch_piece){.begin = begin,
                           .end = end,
                           .until = end,
                           .protection = protection,
                           .open = true};
  return true;
}

/* By areas; what cannot be written needs no protection. */
static bool add_pieces(const struct memory_map *map, uint64_t begin,
                       uint64_t end) {
  bool fits = true;
  while (begin < end && fits) {
    const struct area *area = memory_map_at(map, begin);
    uint64_t until = area->end < end ? area->end : end;
    if (area->protection & PROT_WRITE)
      fits = add_piece(begin, until, area->protection);
    begin = until;
  }
  return fits;
}

/* The first and the last page apart: others write there too. */
bool watch_pieces_add(const struct memory_map *map, unsigned slot) {
  const struct watch_range *range = &watch_state.ranges[slot];
  uint64_t first = atomic_load(&range->address);
  uint64_t begin = first & ~(uint64_t)(PAGE - 1);
  uint64_t end = (first + range->length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
  if (end - begin <= PAGE)
    return add_pieces(map, begin, end);
  return add_pieces(map, begin, begin + PAGE) &&
         add_pieces(map, end - PAGE, end) &&
         (end - begin == 2 * PAGE || add_pieces(map, begin + PAGE, end - PAGE));
}
