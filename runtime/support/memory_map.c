/* memory_map.c - /proc/self/maps into areas. Source: proc(5). */
#include "memory_map.h"

#include "../arch/sys.h"
#include "private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* vm.max_map_count is 65530 by default; a line has at most a path of 4096. */
#define AREAS_MAX 262144
#define TEXT_MAX ((size_t)64 << 20)
#define NAME_ROOM ((size_t)4096)

static void give_back(struct memory_map *map) {
  private_unmap(map->text, TEXT_MAX);
  private_unmap(map->areas, AREAS_MAX * sizeof *map->areas);
}

int memory_map_open(struct memory_map *map, struct hwckpt_error *error) {
  map->areas = private_map(AREAS_MAX * sizeof *map->areas);
  map->text = private_map(TEXT_MAX);
  if (!map->areas || !map->text) {
    give_back(map);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "memory map",
                       "tables of %zu bytes",
                       AREAS_MAX * sizeof *map->areas + TEXT_MAX);
  }
  map->fd = (int)SYS(openat, AT_FDCWD, "/proc/thread-self/maps",
                     O_RDONLY | O_CLOEXEC, 0);
  if (map->fd < 0) {
    give_back(map);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, -map->fd, "/proc/self/maps",
                       "open");
  }
  return 0;
}

static const char *parse_hex(const char *p, uint64_t *value) {
  uint64_t v = 0;
  for (;; p++) {
    unsigned c = (unsigned char)*p;
    unsigned digit = c - '0';
    if (digit > 9) {
      digit = (c | 32) - 'a';
      if (digit > 5)
        break;
      digit += 10;
    }
    v = v << 4 | digit;
  }
  *value = v;
  return p;
}

static bool begins(const char *text, const char *with) {
  return memcmp(text, with, strlen(with)) == 0;
}

/* A name that ends like this may still be one. */
static bool cut_deleted(char *name, uint64_t inode) {
  static const char suffix[] = " (deleted)";
  struct stat there;
  size_t n = strlen(name), m = sizeof suffix - 1;
  if (n <= m || memcmp(name + n - m, suffix, m) != 0 ||
      (SYS(newfstatat, AT_FDCWD, name, &there, 0) == 0 &&
       there.st_ino == inode))
    return false;
  name[n - m] = 0;
  return true;
}

/* The map has a newline in a name as \012, and those four characters as well:
 * which of them it is a link tells. It is read into `room`, and is longer than
 * what the map has only where the file was renamed since. Not there when the
 * first thread has ended. */
static void read_name(const struct area *area, char *name, char *room) {
  char link[96];
  size_t length = strlen(name);
  hwckpt_format(link, sizeof link, "/proc/self/map_files/%llx-%llx",
                (unsigned long long)area->start, (unsigned long long)area->end);
  long got = SYS(readlinkat, AT_FDCWD, link, room, NAME_ROOM);
  if (got <= 0 || (size_t)got > length)
    return;
  memcpy(name, room, (size_t)got);
  name[got] = 0;
}

/* A line: start-end perms offset major:minor inode   name */
static char *parse_line(char *line, struct area *area, bool *shared,
                        char *room) {
  uint64_t major, minor;
  const char *p = parse_hex(line, &area->start);
  p = parse_hex(p + 1, &area->end) + 1;
  area->protection = (p[0] == 'r' ? PROT_READ : 0u) |
                     (p[1] == 'w' ? PROT_WRITE : 0u) |
                     (p[2] == 'x' ? PROT_EXEC : 0u);
  *shared = p[3] == 's';
  p = parse_hex(p + 5, &area->offset);
  p = parse_hex(p + 1, &major);
  p = parse_hex(p + 1, &minor);
  area->device = makedev((unsigned)major, (unsigned)minor);
  area->inode = 0;
  for (p++; *p >= '0' && *p <= '9'; p++)
    area->inode = area->inode * 10 + (uint64_t)(*p - '0');
  while (*p == ' ')
    p++;
  char *name = (char *)(uintptr_t)p;
  char *end = name;
  bool escaped = false;
  for (; *end != '\n'; end++)
    escaped |= *end == '\\';
  *end = 0;
  if (escaped && area->inode)
    read_name(area, name, room);
  area->name = name;
  area->deleted = cut_deleted(name, area->inode);
  return end + 1;
}

/* The map does not say it. mprotect(2) does: with PROT_GROWSDOWN it refuses all
 * other areas, and the protection stays what it is. Without a gap below there
 * is nothing to grow into, which spares most areas the call. */
static bool grows_down(const struct area *area, uint64_t end_before) {
  return area->type == AREA_TYPE_ANONYMOUS && area->start != end_before &&
         area->protection & PROT_WRITE &&
         SYS(mprotect, area->start, 4096, area->protection | PROT_GROWSDOWN) ==
             0;
}

/* Anonymous and System V shared memory show as deleted files of a kernel mount;
 * the one has its key in the name. */
static enum area_source source_of(const char *name) {
  return begins(name, "/dev/zero") ? AREA_SOURCE_ANONYMOUS
         : begins(name, "/SYSV")   ? AREA_SOURCE_SYSTEM_V
                                   : AREA_SOURCE_FILE;
}

static void classify(struct area *area, bool shared) {
  const char *name = area->name;
  area->backed_end = area->end;
  area->ring = begins(name, "anon_inode:[io_uring]");
  if (begins(name, "[vdso]") || begins(name, "[vvar"))
    area->type = AREA_TYPE_KERNEL;
  else if (!area->inode && !shared)
    area->type = AREA_TYPE_ANONYMOUS;
  else if (area->ring)
    area->type = AREA_TYPE_FILE_COPY;
  else if (!area->deleted)
    area->type = shared ? AREA_TYPE_FILE_SHARED : AREA_TYPE_FILE_PRIVATE;
  else
    area->type = shared ? AREA_TYPE_SHARED_MEMORY : AREA_TYPE_FILE_COPY;
  if (area->type == AREA_TYPE_SHARED_MEMORY)
    area->source = source_of(name);
  area->on_disk = area->source == AREA_SOURCE_FILE && !begins(name, "/memfd:");
}

/* Adds an area without the private ranges in it. */
static size_t add_without_private(struct area *areas, size_t count,
                                  struct area area) {
  uint64_t from, to;
  while (area.start < area.end && count < AREAS_MAX &&
         private_in(area.start, area.end, &from, &to)) {
    if (from > area.start) {
      areas[count] = area;
      areas[count++].end = from;
    }
    area.start = to;
  }
  if (area.start < area.end && count < AREAS_MAX)
    areas[count++] = area;
  return count;
}

/* Larger ones are room for something. */
#define GUARD_MOST (1u << 20)

static int read_map(struct memory_map *map, bool still,
                    struct hwckpt_error *error) {
  size_t length = 0;
  long got;
  do {
    got = SYS(pread64, map->fd, map->text + length,
              TEXT_MAX - 1 - NAME_ROOM - length, length);
    if (got < 0)
      return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-got, "/proc/self/maps",
                         "read at offset %zu", length);
    length += (size_t)got;
  } while (got > 0);
  map->text[length] = 0;
  map->count = 0;
  uint64_t end_before = 0, guard_end = 0;
  for (char *line = map->text; *line;) {
    struct area area = {0};
    bool shared;
    line = parse_line(line, &area, &shared, map->text + length + 1);
    if (begins(area.name, "[vsyscall]"))
      continue;
    classify(&area, shared);
    area.grows_down = still && grows_down(&area, end_before);
    area.guarded = area.start == guard_end;
    end_before = area.end;
    if (!area.protection && area.end - area.start <= GUARD_MOST)
      guard_end = area.end;
    map->count = add_without_private(map->areas, map->count, area);
    if (map->count == AREAS_MAX)
      return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 0, "memory map",
                         "more than %d areas", AREAS_MAX);
  }
  return 0;
}

int memory_map_read(struct memory_map *map, struct hwckpt_error *error) {
  return read_map(map, true, error);
}

int memory_map_glance(struct memory_map *map, struct hwckpt_error *error) {
  return read_map(map, false, error);
}

const struct area *memory_map_at(const struct memory_map *map,
                                 uint64_t address) {
  size_t low = 0, high = map->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (map->areas[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low < map->count && map->areas[low].start <= address ? &map->areas[low]
                                                              : 0;
}

void memory_map_close(struct memory_map *map) {
  SYS(close, map->fd);
  give_back(map);
}
