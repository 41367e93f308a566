/* relocate.c - the restorer moves out of the way of the program it restores:
 * into a hole that neither saved areas nor present mappings touch.
 *
 * The hole holds [image copy][stack][arena]. */
#include "restorer.h"

#include "../../runtime/arch/arch.h"
#include "../../runtime/arch/sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define ADDRESS_MIN 0x100000ull       /* above any vm.mmap_min_addr in use */
#define ADDRESS_MAX 0x7ffffffff000ull /* 47 bits, as the program had */
#define STACK_SIZE ((uint64_t)1 << 20)
#define MEMORY_MIN ((uint64_t)64 << 20)
#define MEMORY_LIMITED ((uint64_t)256 << 20) /* under RLIMIT_AS */
#define MEMORY_MAX ((uint64_t)64 << 30)

extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));
extern Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

void relocate_image(char *base) {
  uint64_t table = 0, size = 0;
  for (const Elf64_Dyn *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
    if (d->d_tag == DT_RELA)
      table = d->d_un.d_ptr;
    else if (d->d_tag == DT_RELASZ)
      size = d->d_un.d_val;
  }
  const Elf64_Rela *rela = (const Elf64_Rela *)(base + table);
  for (uint64_t i = 0; i < size / sizeof *rela; i++)
    if (ELF64_R_TYPE(rela[i].r_info) == R_X86_64_RELATIVE)
      *(uint64_t *)(base + rela[i].r_offset) =
          (uint64_t)base + (uint64_t)rela[i].r_addend;
}

/* The largest gap between two ascending lists of ranges. */
static struct cache_range find_gap(const struct cache_range *saved,
                                   size_t saved_count,
                                   const struct mapping *present,
                                   size_t present_count) {
  struct cache_range best = {0, 0};
  uint64_t at = ADDRESS_MIN;
  size_t s = 0, p = 0;
  while (at < ADDRESS_MAX) {
    struct cache_range next = {ADDRESS_MAX, ADDRESS_MAX};
    if (s < saved_count &&
        (p == present_count || saved[s].begin < present[p].range.begin))
      next = saved[s++];
    else if (p < present_count)
      next = present[p++].range;
    if (next.begin > ADDRESS_MAX)
      next.begin = next.end = ADDRESS_MAX;
    if (next.begin > at && next.begin - at > best.end - best.begin)
      best = (struct cache_range){at, next.begin};
    if (next.end > at)
      at = next.end;
  }
  return best;
}

/* Maps `restorer.memory` in the middle of the gap, as far as the kernel lets
 * us: the ends are left for a heap, a stack that grows. Nothing of it can be
 * written yet, so that it is counted nowhere as memory in use. */
static void map_memory(struct cache_range gap) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  SYS(prlimit64, 0, RLIMIT_AS, NULL, &limit);
  uint64_t most = limit.rlim_cur == RLIM_INFINITY ? MEMORY_MAX : MEMORY_LIMITED;
  uint64_t room = gap.end - gap.begin;
  uint64_t size = room < most ? room : most;
  long result = -ENOMEM;
  for (; size >= MEMORY_MIN; size = PAGE_ROUND(size / 2)) {
    uint64_t begin =
        gap.begin + (room - size) / 2 / CACHE_PAGE_SIZE * CACHE_PAGE_SIZE;
    result =
        SYS(mmap, begin, size, PROT_NONE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
            -1, 0);
    if (result == (long)begin) {
      restorer.memory = (struct cache_range){begin, begin + size};
      return;
    }
  }
  FAIL(HWCKPT_E_RESTORE_MEMORY, (int)-result, "the restorer's own memory",
       "largest gap of the address space %llx-%llx",
       (unsigned long long)gap.begin, (unsigned long long)gap.end);
}

/* The places of the image's copy and of the stack. */
static void open_copy(uint64_t length) {
  long result =
      SYS(mprotect, restorer.memory.begin, length, PROT_READ | PROT_WRITE);
  if (result < 0)
    FAIL(HWCKPT_E_RESTORE_MEMORY, (int)-result, "the restorer's own memory",
         "mprotect");
}

/* Protects the copy as the segments of its program header say. */
static void protect_copy(char *base) {
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)base;
  const Elf64_Phdr *segment = (const Elf64_Phdr *)(base + header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; i++, segment++) {
    if (segment->p_type != PT_LOAD)
      continue;
    uint64_t from = segment->p_vaddr & ~(uint64_t)(CACHE_PAGE_SIZE - 1);
    uint64_t to = PAGE_ROUND(segment->p_vaddr + segment->p_memsz);
    int protection = (segment->p_flags & PF_R ? PROT_READ : 0) |
                     (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                     (segment->p_flags & PF_X ? PROT_EXEC : 0);
    long result = SYS(mprotect, base + from, to - from, protection);
    if (result < 0)
      FAIL(HWCKPT_E_RESTORE_KERNEL, (int)-result, "the restorer's own code",
           "mprotect");
  }
}

_Noreturn void relocate_and_run(const struct cache_range *saved, size_t count,
                                void (*run)(void *)) {
  static struct mapping present[MAPPINGS_MAX];
  size_t present_count = read_mappings(present);
  map_memory(find_gap(saved, count, present, present_count));

  uint64_t image = PAGE_ROUND(_end - __ehdr_start);
  restorer.arena.begin = restorer.memory.begin + image + STACK_SIZE;
  restorer.arena.end = restorer.memory.end;
  open_copy(image + STACK_SIZE);
  char *copy = (char *)restorer.memory.begin;
  memcpy(copy, __ehdr_start, (size_t)(_end - __ehdr_start));
  relocate_image(copy);
  protect_copy(copy);
  uint64_t offset = (uint64_t)run - (uint64_t)__ehdr_start;
  arch_on_stack((void *)restorer.arena.begin,
                (void (*)(void *))(uint64_t)(copy + offset), NULL);
}
