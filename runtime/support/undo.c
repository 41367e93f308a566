/* undo.c - see undo.h. Everything here is on the checkpoint thread, or on the
 * only thread of a program that comes back. */
#include "undo.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "live.h"
#include "private.h"
#include "quiesce.h"
#include "undo_state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

LIVE struct undo_state undo_state;
static LIVE bool hopeless; /* the code cannot be changed */
static LIVE void *stubs;   /* until it has been */
static void *reserved;     /* for them */

static int ask(enum undo_wish wish, uint64_t argument) {
  struct undo_request request = {.wish = wish, .argument = argument};
  undo_ask(&request);
  return request.result;
}

/* The keeper's thread and what it shares with the others. */
static bool open_keeper(const char *cache, const char *application) {
  if (undo_state.both[1])
    return true;
  hwckpt_format(undo_state.cache, sizeof undo_state.cache, "%s", cache);
  hwckpt_format(undo_state.application, sizeof undo_state.application, "%s",
                application);
  for (unsigned i = 0; i < 2; i++)
    if (!undo_state.both[i])
      undo_state.both[i] = private_map(sizeof(struct undo_interval));
  if (!undo_state.both[0] || !undo_state.both[1] ||
      quiesce_spawn(undo_keep, 0, "hwckpt-undo", -1, 0) < 0) {
    private_unmap(undo_state.both[1], sizeof(struct undo_interval));
    undo_state.both[1] = 0;
    return false;
  }
  return true;
}

/* ---- the program's system calls ---- */

static bool begins_with(const char *text, const char *prefix) {
  while (*prefix && *text == *prefix)
    text++, prefix++;
  return !*prefix;
}

static bool is_same(const char *a, const char *b) {
  return begins_with(a, b) && strlen(a) == strlen(b);
}

static const char *base_name(const char *path) {
  const char *base = path;
  for (; *path; path++)
    if (*path == '/')
      base = path + 1;
  return base;
}

static bool is_libc(const struct area *area) {
  const char *base = base_name(area->name);
  return begins_with(base, "libc.so") || begins_with(base, "libc-") ||
         begins_with(base, "libpthread");
}

static bool is_code(const struct area *area) {
  return area->type == AREA_TYPE_FILE_PRIVATE && !area->deleted &&
         (area->protection & (PROT_READ | PROT_WRITE | PROT_EXEC)) ==
             (PROT_READ | PROT_EXEC);
}

/* In all areas of that kind. */
static bool find_calls(const struct memory_map *map, bool in_libc,
                       const char *program, uint64_t *near) {
  bool found = true;
  for (size_t i = 0; i < map->count && found; i++) {
    const struct area *area = &map->areas[i];
    if (!is_code(area) || is_libc(area) != in_libc ||
        (!in_libc && !is_same(area->name, program)))
      continue;
    *near = area->start;
    found = arch_program_calls_find(area->start, area->end, undo_wants);
  }
  return found;
}

/* How far a jump reaches, less what code and stubs take. */
#define REACH 0x70000000ull

void undo_reserve(void) {
  long address = SYS(mmap, 0, ARCH_PROGRAM_CALLS_STUBS, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  reserved = address > 0 ? (void *)address : 0;
}

/* What was reserved, if a jump from `near` reaches it. */
static void *take_reserved(uint64_t near) {
  uint64_t at = (uint64_t)reserved;
  void *taken = reserved;
  reserved = 0;
  if (!at || (at < near + REACH && at + REACH > near))
    return taken;
  SYS(munmap, at, ARCH_PROGRAM_CALLS_STUBS);
  return 0;
}

/* Else memory in a gap of the map, with one of the program's own at the worst:
 * code far from the libraries is linked in. */
static void *map_near(const struct memory_map *map, uint64_t near) {
  for (size_t i = map->count; i-- > 0;) {
    uint64_t gap = map->areas[i].end;
    uint64_t up = i + 1 < map->count ? map->areas[i + 1].start : UINT64_MAX;
    /* A page is left free on both sides: what grows may grow. */
    uint64_t at = up - ARCH_PROGRAM_CALLS_STUBS - 4096;
    if (up == UINT64_MAX || up - gap < ARCH_PROGRAM_CALLS_STUBS + 3 * 4096 ||
        at > near + REACH || at + REACH < near)
      continue;
    long address =
        SYS(mmap, at, ARCH_PROGRAM_CALLS_STUBS, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (address == (long)at)
      return (void *)address;
    if (address > 0)
      SYS(munmap, address, ARCH_PROGRAM_CALLS_STUBS);
  }
  return 0;
}

/* Once a program. */
static bool find_code(struct memory_map *map) {
  char program[4096];
  uint64_t near = 0;
  if (arch_program_calls_changed() || stubs)
    return true;
  if (hopeless)
    return false;
  hopeless = true;
  long length =
      SYS(readlinkat, AT_FDCWD, "/proc/self/exe", program, sizeof program - 1);
  program[length > 0 ? length : 0] = 0;
  arch_program_calls_drop();
  if (memory_map_glance(map, 0) < 0 || !find_calls(map, true, program, &near) ||
      (!near && !find_calls(map, false, program, &near)) || !near)
    return false;
  stubs = take_reserved(near);
  if (!stubs)
    stubs = map_near(map, near);
  hopeless = !stubs;
  return stubs != 0;
}

static void change_code(void) {
  if (arch_program_calls_changed() || !stubs)
    return;
  if (arch_program_calls_change(stubs) < 0) {
    SYS(munmap, stubs, ARCH_PROGRAM_CALLS_STUBS);
    hopeless = true;
  }
  stubs = 0;
}

/* ---- intervals ---- */

void undo_prepare(const char *cache, const char *application,
                  struct memory_map *map, uint64_t generation,
                  uint64_t before) {
  undo_state.next = 0;
  undo_state.before = before;
  undo_state.switched = false;
  /* Written now, so that the stop does not wait for the page. */
  atomic_fetch_add(&arch_call_epoch, 0);
  atomic_store(&undo_state.now, atomic_load(&undo_state.now));
  if (find_code(map) && open_keeper(cache, application))
    ask(UNDO_BEGIN_INTERVAL, generation);
}

void undo_switch(void) {
  change_code();
  if (!arch_program_calls_changed())
    return;
  atomic_store(&undo_state.now, undo_state.next);
  atomic_store(&undo_state.pid, (int)SYS(getpid));
  /* Who was told before is told again. */
  atomic_fetch_add(&arch_call_epoch, 1);
  undo_state.switched = undo_state.next != 0;
}

/* Bytes of shared mappings that are kept in a stop, each time: a hundred
 * microseconds a MiB and more. */
#define MAPPED_MOST ((uint64_t)8 << 20)

static bool is_mapped_file(const struct area *area) {
  return area->type == AREA_TYPE_FILE_SHARED && !area->deleted &&
         (area->protection & PROT_WRITE) && area->name[0] == '/' &&
         !begins_with(area->name, "/dev/");
}

void undo_keep_mapped(const struct memory_map *map) {
  uint64_t kept = 0;
  if (!atomic_load(&undo_state.now))
    return;
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    if (!is_mapped_file(area))
      continue;
    uint64_t size = area->end - area->start;
    struct undo_request request = {.wish = UNDO_KEEP_MAPPED,
                                   .begin = area->offset,
                                   .end = area->offset + size,
                                   .device = area->device,
                                   .inode = area->inode,
                                   .cut = size > MAPPED_MOST - kept};
    request.place[0].path = area->name;
    kept += request.cut ? 0 : size;
    undo_ask(&request);
  }
}

void undo_limit(uint64_t bytes) { undo_state.most = bytes; }

/* The same on the only thread of a program that came back. */
static void keep_mapped_now(void) {
  struct memory_map map;
  if (memory_map_open(&map, 0) < 0)
    return;
  if (memory_map_glance(&map, 0) == 0)
    undo_keep_mapped(&map);
  memory_map_close(&map);
}

void undo_not_committed(void) {
  if (undo_state.switched)
    ask(UNDO_NOT_COMMITTED, undo_state.before);
  undo_state.switched = false;
}

void undo_retain(void) {
  if (atomic_load(&undo_state.now))
    ask(UNDO_RETAIN, 0);
}

void undo_restored(const char *cache, const char *application,
                   uint64_t generation) {
  if (!arch_program_calls_changed() || !open_keeper(cache, application) ||
      ask(UNDO_BEGIN_INTERVAL, generation) < 0)
    return;
  undo_switch();
  keep_mapped_now();
}

void undo_forget(void) {
  memset(&undo_state, 0, sizeof undo_state);
  stubs = 0;
  hopeless = false;
}
