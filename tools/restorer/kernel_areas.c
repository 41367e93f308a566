/* kernel_areas.c - empties the address space around the restorer and moves the
 * kernel's own areas (vvar, vdso) where the checkpoint had them: the program
 * keeps pointers into them. */
#include "redirect.h"
#include "restorer.h"

#include "../../runtime/arch/arch.h"
#include "../../runtime/arch/sys.h"

#include <string.h>
#include <sys/mman.h>

#define KERNEL_AREAS_MAX 16
/* Bytes that they take together. */
#define KERNEL_SPAN_MAX ((uint64_t)1 << 20)

struct kernel_area {
  struct mapping now;
  uint64_t home; /* 0: the checkpoint has no such area */
};

struct kernel_areas {
  struct kernel_area areas[KERNEL_AREAS_MAX];
  size_t count;
};

static bool begins(const char *text, const char *with) {
  for (; *with; text++, with++)
    if (*text != *with)
      return false;
  return true;
}

static bool same(const char *a, const char *b) {
  return strlen(a) == strlen(b) && begins(a, b);
}

static bool is_kernel_area(const char *name) {
  return begins(name, "[vvar") || begins(name, "[vdso]");
}

static _Noreturn void changed(const char *name, uint64_t now, uint64_t then) {
  FAIL(HWCKPT_E_VDSO_CHANGED, 0, name,
       "%llu bytes, at the checkpoint %llu bytes", (unsigned long long)now,
       (unsigned long long)then);
}

static void unmap(struct cache_range range) {
  long result = SYS(munmap, range.begin, range.end - range.begin);
  if (result < 0)
    FAIL(HWCKPT_E_RESTORE_KERNEL, (int)-result, "the restorer's address space",
         "munmap %llx-%llx", (unsigned long long)range.begin,
         (unsigned long long)range.end);
}

/* Unmaps the rest, returns the kernel's areas. */
static void empty_address_space(struct kernel_areas *kernel) {
  static struct mapping mappings[MAPPINGS_MAX];
  size_t count = read_mappings(mappings);
  for (size_t i = 0; i < count; i++) {
    const struct mapping *mapping = &mappings[i];
    if (begins(mapping->name, "[vsyscall]") ||
        (mapping->range.begin >= restorer.memory.begin &&
         mapping->range.end <= restorer.memory.end))
      continue;
    if (is_kernel_area(mapping->name) && kernel->count < KERNEL_AREAS_MAX)
      kernel->areas[kernel->count++].now = *mapping;
    else
      unmap(mapping->range);
  }
}

static void find_home(const Area *area, void *context) {
  struct kernel_areas *kernel = context;
  if (area->kind != AreaKind_AREA_KERNEL)
    return;
  for (size_t i = 0; i < kernel->count; i++) {
    struct kernel_area *k = &kernel->areas[i];
    if (k->home || !same(k->now.name, area->name))
      continue;
    if (k->now.range.end - k->now.range.begin != area->end - area->start)
      changed(area->name, k->now.range.end - k->now.range.begin,
              area->end - area->start);
    k->home = area->start;
    return;
  }
  changed(area->name, 0, area->end - area->start);
}

static void move(struct kernel_area *area, uint64_t to) {
  uint64_t size = area->now.range.end - area->now.range.begin;
  if (area->now.range.begin == to)
    return;
  long result = SYS(mremap, area->now.range.begin, size, size,
                    MREMAP_MAYMOVE | MREMAP_FIXED, to);
  if (result != (long)to)
    FAIL(HWCKPT_E_ADDRESS, (int)-result, area->now.name, "move to %llx",
         (unsigned long long)to);
  area->now.range = (struct cache_range){to, to + size};
}

/* ---- under another kernel ---- */

static void redirect(const Area *area, void *context) {
  const struct kernel_areas *kernel = context;
  if (area->kind != AreaKind_AREA_KERNEL || !same(area->name, "[vdso]"))
    return;
  for (size_t i = 0; i < kernel->count; i++)
    if (same(kernel->areas[i].now.name, area->name)) {
      redirect_functions(area, &kernel->areas[i].now.range);
      return;
    }
  changed(area->name, 0, area->end - area->start);
}

/* Its code finds its data by their distance, so they stay as they lie: at the
 * end of the arena, in the middle of the largest gap of the address space. */
static void keep_together(struct kernel_areas *kernel) {
  uint64_t begin = ~UINT64_C(0), end = 0;
  for (size_t i = 0; i < kernel->count; i++) {
    struct cache_range range = kernel->areas[i].now.range;
    begin = range.begin < begin ? range.begin : begin;
    end = range.end > end ? range.end : end;
  }
  if (end <= begin || end - begin > KERNEL_SPAN_MAX)
    changed("[vdso]", 0, 0);
  uint64_t parked = restorer.arena.end - (end - begin);
  for (size_t i = 0; i < kernel->count; i++) {
    struct kernel_area *area = &kernel->areas[i];
    move(area, parked + (area->now.range.begin - begin));
  }
  restorer.arena.end = restorer.memory.end = parked;
}

static void look_at_thread(const Thread *thread, void *context) {
  const Area *vdso = context;
  uint64_t pc = arch_context_pc((const ucontext_t *)thread->frame);
  if (pc >= vdso->start && pc < vdso->end)
    FAIL(HWCKPT_E_VDSO_THREAD, 0, vdso->name, "thread %d, at %llx",
         (int)thread->tid, (unsigned long long)pc);
}

static void look_at_threads(const Area *area, void *context) {
  if (area->kind == AreaKind_AREA_KERNEL && same(area->name, "[vdso]")) {
    static Area vdso;
    vdso = *area;
    each_thread(context, look_at_thread, &vdso);
  }
}

void check_redirected(struct cache_reader *reader) {
  if (restorer.plan.other_kernel)
    each_area(reader, look_at_threads, reader);
}

void move_kernel_areas(const struct cache_reader *reader) {
  static struct kernel_areas kernel;
  empty_address_space(&kernel);
  if (restorer.plan.other_kernel) {
    keep_together(&kernel);
    each_area(reader, redirect, &kernel);
    return;
  }
  each_area(reader, find_home, &kernel);

  /* All out of the way first: a home may be where another one is now. What
   * moves out of the arena leaves a gap there, so its end is cut off. */
  uint64_t parked = restorer.arena.end;
  for (size_t i = 0; i < kernel.count; i++) {
    struct kernel_area *area = &kernel.areas[i];
    if (!area->home) {
      unmap(area->now.range);
      continue;
    }
    parked -= area->now.range.end - area->now.range.begin;
    move(area, parked);
  }
  restorer.arena.end = restorer.memory.end = parked;
  for (size_t i = 0; i < kernel.count; i++)
    if (kernel.areas[i].home)
      move(&kernel.areas[i], kernel.areas[i].home);
}
