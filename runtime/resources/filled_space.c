/* filled_space.c - see filled_space.h. Source: io_uring_get_unmapped_area() of
 * Linux, which refuses an address with EINVAL, and mremap() to one likewise;
 * and where the kernel looks for room: below the base of mappings from high to
 * low, then above from low to high. */
#include "filled_space.h"

#include "../arch/sys.h"
#include "info.h"

#include <errno.h>
#include <sys/mman.h>

/* Where addresses of programs begin and end that ask for none. */
#define LOWEST 0x10000u
#define HIGHEST 0x7ffffffff000u

static bool add_hole(struct filled_space *space, size_t room, uint64_t start,
                     uint64_t end) {
  if (start >= end)
    return true;
  if (space->count == room / sizeof(*space->holes))
    return false;
  space->holes[space->count][0] = start;
  space->holes[space->count++][1] = end;
  return true;
}

static long find_holes(struct filled_space *space, size_t room) {
  struct info info;
  uint64_t before = LOWEST, start = 0, end = 0;
  bool fits = true;
  long result = info_open_path(&info, "/proc/thread-self/maps");
  if (result < 0)
    return result;
  for (const char *line; fits && (line = info_line(&info));) {
    if (!info_number(line, "", 16, &start) || start >= HIGHEST)
      break;
    fits = add_hole(space, room, before, start);
    if (info_number(line, "-", 16, &end) && end > before)
      before = end;
  }
  info_close(&info);
  return fits && add_hole(space, room, before, HIGHEST) ? 0 : -ENOMEM;
}

long filled_space_fill(struct filled_space *space, void *memory, size_t room) {
  space->holes = memory;
  space->count = 0;
  long result = find_holes(space, room);
  size_t filled = 0;
  for (; result >= 0 && filled < space->count; filled++) {
    uint64_t start = space->holes[filled][0];
    result =
        SYS(mmap, start, space->holes[filled][1] - start, PROT_NONE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
            -1, 0);
    result = result < 0 && result > -4096 ? result : 0;
    if (result < 0)
      break;
  }
  space->count = filled;
  return result;
}

void filled_space_empty(const struct filled_space *space) {
  for (size_t i = 0; i < space->count; i++)
    SYS(munmap, space->holes[i][0], space->holes[i][1] - space->holes[i][0]);
}

long filled_space_map(uint64_t start, uint64_t length, uint32_t protection,
                      int fd, uint32_t offset) {
  SYS(munmap, start, length);
  long at = SYS(mmap, 0, length, protection, MAP_SHARED, fd, offset);
  if (at < 0 && at > -4096)
    return at;
  return (uint64_t)at == start ? 0 : -EADDRNOTAVAIL;
}
