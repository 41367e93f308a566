/* freed.c - see freed.h. */
#include "freed.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "private.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PAGE 4096ull
#define PAGE_UP(address) (((address) + PAGE - 1) & ~(PAGE - 1))
#define PAGE_DOWN(address) ((address) & ~(PAGE - 1))

/* Only its address counts. Not there: the program has no malloc of glibc's. */
extern char libc_malloc[] __asm__("__libc_malloc") __attribute__((weak));
/* The functions of malloc.c stand around it, in less than this. */
#define CODE_BEFORE 0x8000u
#define CODE_BEHIND 0x4000u

/* ---- struct malloc_state ---- */

#define STATE_TOP 96u
#define STATE_BINS 112u /* two words a bin, from bin 1 on */
#define STATE_NEXT 2160u
#define STATE_SIZE 2200u
#define STATE_WORDS (STATE_SIZE / 8)
#define BINS 127u
#define BIN_UNSORTED 1u
#define BIN_LARGE 97u /* the first with chunks of whole pages */
#define ARENAS_MAX 1024u

/* A bin is the chunk whose links its two words are. */
static uint64_t bin_at(uint64_t arena, unsigned bin) {
  return arena + STATE_BINS - 16 + (uint64_t)(bin - 1) * 16;
}

struct chunk {
  uint64_t footer_before, size, next, previous;
};
#define CHUNK_BUSY_BEFORE 1u
#define CHUNK_MAPPED 2u
#define CHUNK_SIZE(chunk) ((chunk)->size & ~7ull)
/* The header of one in a large bin, with the links by size. */
#define CHUNK_HEADER 48u
#define SIZE_MAX_SANE (1ull << 46)

/* ---- reading ---- */

static const struct area *area_at(struct freed_look *look, uint64_t address) {
  const struct area *area = look->last;
  if (!area || address < area->start || address >= area->end)
    area = memory_map_at(look->map, address);
  if (area)
    look->last = area;
  return area;
}

static bool is_ours(const struct area *area) {
  return area && area->protection & PROT_READ &&
         (area->type == AREA_TYPE_ANONYMOUS ||
          area->type == AREA_TYPE_FILE_PRIVATE);
}

static bool read_live(uint64_t address, void *to, size_t size) {
  struct iovec into = {to, size}, from = {(void *)address, size};
  return SYS(process_vm_readv, SYS(gettid), &into, 1, &from, 1, 0) ==
         (long)size;
}

static bool read_at(struct freed_look *look, uint64_t address, void *to,
                    size_t size) {
  if (address & 7)
    return false;
  if (look->live)
    return read_live(address, to, size);
  const struct area *area = area_at(look, address);
  if (!is_ours(area) || address + size > area->backed_end)
    return false;
  memcpy(to, (const void *)address, size);
  return true;
}

/* ---- the main arena ---- */

#define WINDOW_WORDS 4096u
#define SEARCHED_MAX (1ull << 20) /* of a program's own data */
#define SEARCHES_MAX 16u
#define EMPTY_BINS 32u /* that point to themselves, at least */

static bool is_state(const uint64_t *words, uint64_t address) {
  unsigned empty = 0;
  for (unsigned bin = 2; bin < BINS; bin++) {
    const uint64_t *links = words + STATE_BINS / 8 + (size_t)(bin - 1) * 2;
    uint64_t self = bin_at(address, bin);
    empty += links[0] == self && links[1] == self;
  }
  /* So far it might begin some bins earlier. */
  uint64_t at = words[STATE_NEXT / 8];
  for (unsigned i = 0; empty >= EMPTY_BINS && i < ARENAS_MAX; i++) {
    if (at == address)
      return true;
    if (at & 7 || !read_live(at + STATE_NEXT, &at, sizeof at))
      return false;
  }
  return false;
}

static uint64_t search_area(const struct area *area, uint64_t *window) {
  uint64_t end = area->end - area->start > SEARCHED_MAX
                     ? area->start + SEARCHED_MAX
                     : area->end;
  for (uint64_t at = area->start; at + STATE_SIZE <= end;) {
    uint64_t words = (end - at) / 8;
    if (words > WINDOW_WORDS)
      words = WINDOW_WORDS;
    if (!read_live(at, window, words * 8))
      return 0;
    for (uint64_t i = 0; i + STATE_WORDS <= words; i++)
      if (is_state(window + i, at + i * 8))
        return at + i * 8;
    at += (words - STATE_WORDS + 1) * 8;
  }
  return 0;
}

bool freed_is_missing(const struct freed *freed) {
  return !freed->arena && freed->searches < SEARCHES_MAX && libc_malloc;
}

void freed_search(struct freed *freed, const struct memory_map *map) {
  if (!freed_is_missing(freed))
    return;
  freed->searches++;
  const struct area *code = memory_map_at(map, (uint64_t)libc_malloc);
  uint64_t *window = private_map(WINDOW_WORDS * sizeof *window);
  for (size_t i = 0; code && window && !freed->arena && i < map->count; i++) {
    const struct area *area = &map->areas[i];
    if (area->type == AREA_TYPE_FILE_PRIVATE && area->inode == code->inode &&
        area->device == code->device && area->protection & PROT_WRITE)
      freed->arena = search_area(area, window);
  }
  if (window)
    private_unmap(window, WINDOW_WORDS * sizeof *window);
}

/* ---- free chunks ---- */

/* A range that is not all in one anonymous area does not fit. */
static bool report(struct freed_look *look, uint64_t begin, uint64_t end) {
  const struct area *area = area_at(look, begin);
  if (!area || area->type != AREA_TYPE_ANONYMOUS || end > area->end)
    return false;
  begin = PAGE_UP(begin);
  end = PAGE_DOWN(end);
  if (begin < end && !area->huge_page)
    look->visit(begin, end, look->context);
  return true;
}

/* A chunk is linked to the one before, the chunk behind knows its size and that
 * it is free: else it is about to be used, or none. */
static bool look_at_chunk(struct freed_look *look, uint64_t at, uint64_t from,
                          struct chunk *chunk) {
  uint64_t behind[2];
  if (at & 15 || !read_at(look, at, chunk, sizeof *chunk) ||
      chunk->previous != from || chunk->size & CHUNK_MAPPED ||
      CHUNK_SIZE(chunk) < sizeof *chunk || CHUNK_SIZE(chunk) > SIZE_MAX_SANE ||
      !read_at(look, at + CHUNK_SIZE(chunk), behind, sizeof behind) ||
      behind[0] != CHUNK_SIZE(chunk) || behind[1] & CHUNK_BUSY_BEFORE)
    return false;
  return CHUNK_SIZE(chunk) < PAGE ||
         report(look, at + CHUNK_HEADER, at + CHUNK_SIZE(chunk));
}

static bool look_at_bin(struct freed_look *look, uint64_t bin) {
  struct chunk chunk;
  uint64_t from = bin;
  if (!read_at(look, bin, &chunk, sizeof chunk))
    return false;
  while (chunk.next != bin && look->chunks) {
    uint64_t at = chunk.next;
    look->chunks--;
    if (!look_at_chunk(look, at, from, &chunk))
      return false;
    from = at;
  }
  return true;
}

/* What is behind all chunks. Before the first malloc the top is a bin. */
static bool look_at_top(struct freed_look *look, uint64_t arena) {
  uint64_t top;
  struct chunk chunk;
  if (!read_at(look, arena + STATE_TOP, &top, sizeof top))
    return false;
  if (top == arena + STATE_TOP)
    return true;
  if (top & 15 || !read_at(look, top, &chunk, 16) ||
      !(chunk.size & CHUNK_BUSY_BEFORE) || CHUNK_SIZE(&chunk) > SIZE_MAX_SANE)
    return false;
  return CHUNK_SIZE(&chunk) < CHUNK_HEADER ||
         report(look, top + CHUNK_HEADER, top + CHUNK_SIZE(&chunk));
}

/* One whose lock is held is passed over. */
static bool look_at_arena(struct freed_look *look, uint64_t arena) {
  uint64_t lock;
  if (!read_at(look, arena, &lock, sizeof lock))
    return false;
  if ((uint32_t)lock)
    return true;
  bool fits = look_at_top(look, arena) &&
              look_at_bin(look, bin_at(arena, BIN_UNSORTED));
  for (unsigned bin = BINS - 1; fits && bin >= BIN_LARGE; bin--)
    fits = look_at_bin(look, bin_at(arena, bin));
  return fits;
}

bool freed_look(const struct freed *freed, struct freed_look *look) {
  uint64_t arena = freed->arena;
  for (unsigned i = 0; arena && i < ARENAS_MAX; i++) {
    if (!look_at_arena(look, arena) ||
        !read_at(look, arena + STATE_NEXT, &arena, sizeof arena))
      return false;
    if (arena == freed->arena)
      return true;
  }
  return !arena;
}

/* ---- threads in malloc ---- */

/* malloc.c calls only functions whose frames are small: its return address is
 * among the lowest words of the stack. */
#define LOWEST_WORDS 64u
#define STACK_WORDS_MAX (1u << 17) /* looked at in all */

static bool is_in_malloc(uint64_t pc) {
  return pc - ((uint64_t)libc_malloc - CODE_BEFORE) < CODE_BEFORE + CODE_BEHIND;
}

/* The words from sp to the end of its area. */
static const uint64_t *stack_at(const struct memory_map *map, uint64_t sp,
                                uint64_t *count) {
  const struct area *area = memory_map_at(map, sp & ~7ull);
  if (!is_ours(area) || area->backed_end <= sp)
    return 0;
  *count = (area->backed_end - (sp & ~7ull)) / 8;
  return (const uint64_t *)(sp & ~7ull);
}

static bool may_be_in_malloc(const struct memory_map *map,
                             const struct area *code, uint64_t pc,
                             uint64_t sp) {
  uint64_t count;
  if (is_in_malloc(pc))
    return true;
  if (pc < code->start || pc >= code->end)
    return false;
  const uint64_t *words = stack_at(map, sp, &count);
  if (!words)
    return true;
  for (uint64_t i = 0; i < count && i < LOWEST_WORDS; i++)
    if (is_in_malloc(words[i]))
      return true;
  return false;
}

/* A signal of the program's may have interrupted malloc: then the frame of its
 * handler is somewhere up the stack. */
static bool handles_in_malloc(const struct memory_map *map,
                              const struct area *code, uint64_t sp,
                              uint64_t *left) {
  uint64_t count, pc, interrupted_sp;
  const uint64_t *words = stack_at(map, sp, &count);
  if (!words || count > *left)
    return true;
  *left -= count;
  for (uint64_t i = 0; i < count; i++)
    if (arch_is_signal_frame(words, i, &pc, &interrupted_sp) &&
        may_be_in_malloc(map, code, pc, interrupted_sp))
      return true;
  return false;
}

bool freed_is_busy(const struct memory_map *map, const struct parked *threads,
                   unsigned count) {
  const struct area *code = memory_map_at(map, (uint64_t)libc_malloc);
  uint64_t left = STACK_WORDS_MAX;
  if (!code)
    return true;
  for (unsigned i = 0; i < count; i++) {
    uint64_t pc = arch_context_pc(threads[i].context);
    uint64_t sp = arch_context_sp(threads[i].context);
    if (may_be_in_malloc(map, code, pc, sp) ||
        handles_in_malloc(map, code, sp, &left))
      return true;
  }
  return false;
}
