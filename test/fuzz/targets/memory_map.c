/* Records of a program's memory from a stranger, as the restorer makes the
 * address space from them: all of tools/restorer but its copying, over a kernel
 * of ours.
 *
 * What must hold: nothing is mapped, unmapped or protected but where an area is
 * recorded, and never where the restorer itself is; what is read of the
 * generation goes nowhere else.
 *
 * Input: u8 what is done, u64 where the program's gate is, records behind the
 * Process.
 */
#include "../Inputs/fake_kernel.h"
#include "../Inputs/memory_io.h"
#include "../Inputs/record_list.h"

#include "runtime/arch/arch.h"
#include "runtime/resources/extents.h"
#include "runtime/resources/info.h"
#include "runtime/support/resume_abi.h"
#include "tools/hwckpt/generation.h"
#include "tools/restorer/restorer.h"

#include <errno.h>
#include <pb_encode.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct restorer restorer;
struct hwckpt_error failure;

static struct {
  struct cache_range *areas; /* recorded */
  size_t count;
  bool relocates; /* the first mapping of all is the restorer's own */
  bool redirects; /* what is mapped now is written to */
  void *written;  /* it, and how long it is */
  size_t written_length;
  size_t text_at; /* of the mappings it has at first */
  uint64_t elsewhere;
  struct cache_range memory; /* the restorer's; its arena is ours, elsewhere */
  jmp_buf over;
} world;

enum { FAILED = 1, RELOCATED };

_Noreturn void fail(void) {
  if (!failure.code)
    abort();
  longjmp(world.over, FAILED);
}

void warn(const struct hwckpt_error *error) { (void)error; }

void give(enum restore_status_kind kind, int descriptor) {
  (void)kind, (void)descriptor;
}

/* ---- the kernel ---- */

static const char mappings[] =
    "555500000000-555500040000 r-xp 00000000 00:00 1   /restorer\n"
    "7ffff7fc0000-7ffff7fc4000 r--p 00000000 00:00 0   [vvar]\n"
    "7ffff7fc4000-7ffff7fc6000 r-xp 00000000 00:00 0   [vdso]\n"
    "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0   [stack]\n";

/* What is mapped without an address lies below. */
#define ELSEWHERE_END 0x7e0000000000ull
#define VDSO_BEGIN 0x7ffff7fc0000ull
#define VDSO_END 0x7ffff7fc6000ull

static bool within(uint64_t begin, uint64_t end, uint64_t low, uint64_t high) {
  return begin >= low && end <= high && begin < end;
}

/* [begin, end) is covered by recorded areas that follow each other. */
static bool is_recorded(uint64_t begin, uint64_t end) {
  for (size_t i = 0; i < world.count && begin < end; i++)
    if (world.areas[i].begin <= begin && begin < world.areas[i].end)
      begin = world.areas[i].end;
  return begin >= end;
}

static bool touches_restorer(uint64_t begin, uint64_t end) {
  return begin < world.memory.end && end > world.memory.begin;
}

static void check_range(long address, long length) {
  uint64_t begin = (uint64_t)address, end = begin + (uint64_t)length;
  if (end < begin || touches_restorer(begin, end) || !is_recorded(begin, end))
    abort();
}

/* Nothing that was there at first is left. */
static bool was_there(long address, long length) {
  uint64_t begin = (uint64_t)address, end = begin + (uint64_t)length;
  return within(begin, end, 0x555500000000ull, 0x555500040000ull) ||
         within(begin, end, VDSO_BEGIN, VDSO_END) ||
         within(begin, end, 0x7ffffffde000ull, 0x7ffffffff000ull);
}

static bool in_arena(long address, long length) {
  return within((uint64_t)address, (uint64_t)address + (uint64_t)length,
                restorer.arena.begin, restorer.arena.end);
}

#define FIXED (MAP_FIXED | MAP_FIXED_NOREPLACE)

/* Where it is written to there is memory, and nowhere else, as a sanitizer or
 * the kernel sees. */
#define WRITTEN_BEGIN 0x200000000000ull
#define WRITTEN_END 0x200001000000ull

static long map_written(long address, long length) {
  if (world.written || !within((uint64_t)address, (uint64_t)(address + length),
                               WRITTEN_BEGIN, WRITTEN_END))
    return -EEXIST;
  void *at = mmap((void *)address, (size_t)length, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != (void *)address)
    abort();
  world.written = at;
  world.written_length = (size_t)length;
  return address;
}

static void unmap_written(void) {
  if (world.written)
    munmap(world.written, world.written_length);
  world.written = NULL;
}

static long map(const long a[6]) {
  if (world.relocates) {
    world.memory = restorer.memory =
        (struct cache_range){(uint64_t)a[0], (uint64_t)a[0] + (uint64_t)a[1]};
    longjmp(world.over, RELOCATED);
  }
  if (a[3] & FIXED) {
    check_range(a[0], a[1]);
    return world.redirects ? map_written(a[0], a[1]) : a[0];
  }
  if (!a[1] || (uint64_t)a[1] > (uint64_t)1 << 47)
    return -ENOMEM;
  world.elsewhere -= PAGE_ROUND(a[1]);
  return (long)world.elsewhere;
}

static long remap(const long a[6]) {
  if (!a[1] && !within((uint64_t)a[0], (uint64_t)a[0] + (uint64_t)a[2],
                       world.elsewhere, ELSEWHERE_END))
    abort(); /* mapped once more: of memory that was made for it */
  if (!in_arena(a[4], a[2]))
    check_range(a[4], a[2]);
  return a[4];
}

static long read_file(void *to, size_t length) {
  size_t left = sizeof mappings - 1 - world.text_at;
  length = length < left ? length : left;
  memcpy(to, mappings + world.text_at, length);
  world.text_at += length;
  return (long)length;
}

long fake_kernel(long number, const long a[6]) {
  switch (number) {
  case SYS_mmap:
    return map(a);
  case SYS_mremap:
    return remap(a);
  case SYS_munmap:
    if (!was_there(a[0], a[1]) &&
        !within((uint64_t)a[0], (uint64_t)a[0] + (uint64_t)a[1],
                world.elsewhere, ELSEWHERE_END))
      check_range(a[0], a[1]);
    return 0;
  case SYS_mprotect:
    if (!in_arena(a[0], a[1]))
      check_range(a[0], a[1]);
    return 0;
  case SYS_madvise:
  case SYS_mlock2:
    if (!in_arena(a[0], a[1]) &&
        touches_restorer((uint64_t)a[0], (uint64_t)a[0] + (uint64_t)a[1]))
      abort();
    return 0;
  case SYS_ioctl:
    return (a[1] >> 8 & 0xff) == 'f' ? -ENOTTY : 0; /* PAGEMAP_SCAN */
  case SYS_shmat: /* anywhere: of a size that nobody knows here */
    return a[1] ? a[1] : (long)(world.elsewhere -= (uint64_t)1 << 40);
  case SYS_shmget:
  case SYS_memfd_create:
  case SYS_userfaultfd:
    return 60;
  case SYS_openat:
    (void)strlen((const char *)a[1]);
    world.text_at = 0;
    return 50;
  case SYS_read:
    return read_file((void *)a[1], (size_t)a[2]);
  case SYS_pwrite64:
  case SYS_write:
    return a[2];
  default:
    return 0;
  }
}

_Noreturn void arch_on_stack(void *stack_top, void (*function)(void *),
                             void *argument) {
  (void)stack_top, (void)function, (void)argument;
  abort();
}

/* What files of the runtime name that the restorer has for other parts of them.
 */
int resource_put(struct resource_sink *sink, uint32_t type,
                 const pb_msgdesc_t *fields, const void *message,
                 struct hwckpt_error *error) {
  (void)sink, (void)type, (void)fields, (void)message, (void)error;
  abort();
}

int extents_put(struct resource_sink *sink, uint32_t type, char *buffer,
                size_t length, uint64_t offset, struct hwckpt_error *error) {
  (void)sink, (void)type, (void)buffer, (void)length, (void)offset, (void)error;
  abort();
}

int resource_get(const struct resource_record *record,
                 const pb_msgdesc_t *fields, void *message,
                 struct hwckpt_error *error) {
  (void)record, (void)fields, (void)message, (void)error;
  abort();
}

void info_descriptor(char path[64], const char *what, int number) {
  (void)path, (void)what, (void)number;
  abort();
}

int info_held(int number) {
  (void)number;
  abort();
}

/* Of frames, which are not there. */
uint64_t arch_context_pc(const ucontext_t *context) {
  (void)context;
  return 0;
}

/* ---- the copying ---- */

void fill_memory(struct cache_reader *reader, const struct cache_range *wanted,
                 size_t count, void (*prepare)(const struct cache_plan *)) {
  struct cache_plan *plan;
  uint64_t before = 0;
  for (size_t i = 0; i < count; i++) {
    if (wanted[i].begin < before || wanted[i].begin > wanted[i].end)
      abort();
    if (wanted[i].begin < wanted[i].end)
      check_range((long)wanted[i].begin,
                  (long)(wanted[i].end - wanted[i].begin));
    before = wanted[i].end;
  }
  if (cache_plan_make(reader, wanted, count, 8, &plan, &failure) < 0)
    fail();
  prepare(plan);
  cache_plan_close(plan);
}

/* ---- what is done ---- */

enum { LAZY = 1, SHARED = 2, OTHER_KERNEL = 4 };

static void list_areas(const struct generation *generation) {
  size_t cursor = 0;
  world.areas = malloc((generation->areas + 1) * sizeof *world.areas);
  world.count = 0;
  if (!world.areas)
    abort();
  for (Area area; generation_next_area(generation, &cursor, &area);)
    world.areas[world.count++] = (struct cache_range){area.start, area.end};
}

/* As main.c does, but for what has nothing to do with memory. */
static void become(struct cache_reader *reader) {
  struct resource_file *files;
  world.relocates = true;
  if (setjmp(world.over) == 0)
    relocate_and_run(world.areas, world.count, NULL);
  world.relocates = false;
  if (!restorer.memory.end)
    return; /* no room for it */
  if (setjmp(world.over))
    return;
  world.text_at = 0;
  restorer.plan.application[0] = 'a';
  arena_open();
  read_process(reader, &restorer.process);
  struct cache_range own = restorer.memory, arena = restorer.arena;
  world.redirects = restorer.plan.other_kernel;
  move_kernel_areas(reader);
  world.redirects = false;
  restorer.memory = own; /* their place in the arena is no part of this one */
  restorer.arena = arena;
  place_areas(reader);
  set_memory_settings(reader);
  bool lazily = lazy_hand_over();
  if (!lazily || restorer.plan.lazy == RESTORE_LAZILY_TRACKED)
    track_memory(reader, lazily);
  shared_memory_files(&files);
  check_redirected(reader);
}

extern char state_begin[] __asm__("__start_restorer_state");
extern char state_end[] __asm__("__stop_restorer_state");

/* Between the variables is what a sanitizer guards. */
__attribute__((no_sanitize("address"))) static void clear_state(void) {
  for (volatile char *at = state_begin; at < state_end; at++)
    *at = 0;
}

static void *arena(void) {
  static void *memory;
  if (!memory && posix_memalign(&memory, (size_t)2 << 20, (size_t)32 << 20))
    abort();
  return memory;
}

/* The Process is ours, so that what follows is looked at. */
static void put_process(struct record_list *list, uint64_t gate,
                        const uint8_t *rest, size_t size) {
  const Process process = {.resume_abi = RESUME_ABI,
                           .pid = 100,
                           .program = "/program",
                           .gate = gate,
                           .resume_entry = gate};
  static uint8_t bytes[1 << 16];
  uint8_t encoded[256];
  pb_ostream_t stream = pb_ostream_from_buffer(encoded, sizeof encoded);
  if (!pb_encode(&stream, Process_fields, &process))
    abort();
  size_t length = stream.bytes_written;
  if (size > sizeof bytes - 3 - length)
    size = sizeof bytes - 3 - length;
  bytes[0] = RECORD_PROCESS;
  bytes[1] = (uint8_t)length;
  bytes[2] = 0;
  memcpy(bytes + 3, encoded, length);
  memcpy(bytes + 3 + length, rest, size);
  record_list_read(list, bytes, 3 + length + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct record_list list;
  static struct generation generation;
  uint64_t gate;
  if (size < 1 + sizeof gate)
    return 0;
  memcpy(&gate, data + 1, sizeof gate);
  memory_reset();
  struct cache *cache = memory_cache();
  put_process(&list, gate, data + 1 + sizeof gate, size - 1 - sizeof gate);
  record_list_write(&list, cache, 1);
  if (generation_open(cache, MEMORY_APPLICATION, 1, &generation, &failure) ==
      0) {
    clear_state();
    memset(&restorer, 0, sizeof restorer);
    memset(&failure, 0, sizeof failure);
    world.elsewhere = ELSEWHERE_END;
    restorer.arena.begin = (uint64_t)arena();
    restorer.arena.end = restorer.arena.begin + ((uint64_t)32 << 20);
    restorer.plan.lazy = data[0] & LAZY;
    if (data[0] & SHARED) {
      restorer.plan.memories = 1;
      restorer.memories[0] = (struct restore_memory){1, 2, 70, 0};
    }
    list_areas(&generation);
    restorer.plan.other_kernel = data[0] & OTHER_KERNEL;
    become(generation.reader);
    unmap_written();
    world.redirects = false;
    free(world.areas);
    generation_close(&generation);
  }
  record_list_free(&list);
  cache_close(cache);
  return 0;
}
