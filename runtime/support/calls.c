/* calls.c - see calls.h. */
#include "calls.h"

#include "../arch/sys.h"
#include "live.h"
#include "quiesce.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static LIVE bool hopeless; /* the code cannot be changed */
static LIVE void *stubs;   /* until it has been */
static void *reserved;     /* for them */

/* Those who want to be told. */
#define WANTING 4
static bool (*wanting[WANTING])(uint32_t number);
static bool more; /* than what the code was changed for */

void (*_Atomic calls_listeners[CALLS_LISTENERS])(const struct arch_call *call);

bool (*_Atomic calls_again)(uint32_t number);

void calls_tell_again(ucontext_t *context) {
  bool (*again)(uint32_t number) = atomic_load(&calls_again);
  if (again && again((uint32_t)arch_context_result(context)))
    arch_context_restart_call(context);
}

void calls_want(bool (*wanted)(uint32_t number)) {
  unsigned i = 0;
  while (i < WANTING - 1 && wanting[i] && wanting[i] != wanted)
    i++;
  wanting[i] = wanted;
  more = true;
  if (stubs) { /* for what was wanted until now */
    SYS(munmap, stubs, ARCH_PROGRAM_CALLS_STUBS);
    stubs = 0;
    arch_program_calls_drop();
  }
}

static bool is_wanted(uint32_t number) {
  for (unsigned i = 0; i < WANTING; i++)
    if (wanting[i] && wanting[i](number))
      return true;
  return false;
}

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

/* As the code, the program's. For interpose.c as well. */
bool __hwckpt_all_calls_told __attribute__((visibility("hidden")));
#define all_told __hwckpt_all_calls_told

static bool is_libc(const struct area *area) {
  const char *base = base_name(area->name);
  if (is_wanted(ARCH_CALL_ANY) && begins_with(base, "ld-"))
    return true;
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
    found = arch_program_calls_find(area->start, area->end, is_wanted);
  }
  return found;
}

/* How far a jump reaches, less what code and stubs take. */
#define REACH 0x70000000ull

void calls_reserve(void) {
  if (reserved || arch_program_calls_changed()) /* by the parent, perhaps */
    return;
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

bool calls_find(struct memory_map *map) {
  char program[4096];
  uint64_t near = 0;
  if ((arch_program_calls_changed() && !more) || stubs)
    return true;
  if (hopeless)
    return arch_program_calls_changed();
  hopeless = true;
  long length =
      SYS(readlinkat, AT_FDCWD, "/proc/self/exe", program, sizeof program - 1);
  program[length > 0 ? length : 0] = 0;
  arch_program_calls_drop();
  if (memory_map_glance(map, 0) < 0 || !find_calls(map, true, program, &near) ||
      (!near && !find_calls(map, false, program, &near)) || !near)
    return arch_program_calls_changed();
  stubs = take_reserved(near);
  if (!stubs)
    stubs = map_near(map, near);
  hopeless = !stubs;
  return stubs || arch_program_calls_changed();
}

void calls_change(void) {
  if (!stubs)
    return;
  long result = arch_program_calls_change(stubs);
  if (result < 0)
    SYS(munmap, stubs, ARCH_PROGRAM_CALLS_STUBS);
  hopeless = result < 0 && result != -ENOENT;
  more = more && result < 0 && result != -ENOENT;
  stubs = 0;
}

int calls_change_now(void) {
  struct hwckpt_error error;
  struct memory_map map;
  struct parked *threads;
  unsigned count;
  if (memory_map_open(&map, &error) < 0)
    return -ENOMEM;
  bool found = calls_find(&map);
  memory_map_close(&map);
  if (!found)
    return -ENOEXEC;
  if (quiesce_stop(0, &threads, &count, &error) < 0)
    return -EAGAIN;
  calls_change();
  quiesce_resume();
  return more ? -EACCES : 0;
}

/* But the return from a handler, which has a stack of its own shape. */
static bool wants_all(uint32_t number) {
  return number == ARCH_CALL_ANY ||
         (number < 1024 && number != SYS_rt_sigreturn);
}

/* More than one thread might be in a call that is changed. */
static bool is_alone(void) {
  struct stat status;
  return SYS(newfstatat, AT_FDCWD, "/proc/self/task", &status, 0) == 0 &&
         status.st_nlink == 3;
}

bool calls_change_alone(void) {
  struct memory_map map;
  if (arch_program_calls_changed() || !is_alone() ||
      memory_map_open(&map, 0) < 0)
    return arch_program_calls_changed();
  calls_reserve();
  if (calls_find(&map))
    calls_change();
  memory_map_close(&map);
  return arch_program_calls_changed();
}

bool calls_tell_all(void) {
  if (all_told || arch_program_calls_changed())
    return all_told;
  calls_want(wants_all);
  calls_change_alone();
  all_told = arch_program_calls_changed();
  return all_told;
}

bool calls_are_all_told(void) { return all_told; }

void calls_forget(void) {
  stubs = 0;
  hopeless = false;
}
