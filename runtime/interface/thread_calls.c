/* thread_calls.c - see thread_calls.h.
 *
 * A save is a place in the table, found by the thread's id and pointer, and a
 * block of memory: a stack on which the thread stands while its own is put
 * back, then copies of what is put back. A thread that ended without a drop
 * leaves its place to who needs one: the id says that it ended, the pointer
 * that a later thread with the same id is another. Where a restore gives the
 * thread another id its save is lost.
 */
#include "thread_calls.h"

#include "../../intrinsics/hwckptintrin.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/exclude.h"
#include "../support/protect.h"
#include "counters.h"
#include "events.h"
#include "faults.h"
#include "region_calls.h"
#include "sections.h"
#include "watch_pages.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORTED __attribute__((visibility("default")))

#define SAVES 256u
#define PARTS 32u /* the stack, thread-local memory of modules, regions */
#define SHELTER ((size_t)64 << 10)
#define ROUND ((size_t)64 << 10)
#define PAGE 4096u

struct part {
  char *at;
  size_t size;
};

static struct save {
  _Atomic int tid; /* 0: free */
  uint64_t thread; /* its pointer */
  bool valid;
  uint32_t times;
  struct arch_registers registers;
  uint64_t mask;
  stack_t alternate;
  void *cleanup; /* of pthread_cleanup_push(), the innermost */
  uint64_t end;  /* of the stack that is saved */
  uint64_t stack_begin, stack_end; /* of the thread; 0: not known yet */
  struct part parts[PARTS];
  unsigned count;
  size_t used;
  char *handlers; /* alternate stack, where the thread had none */
  char *block;    /* the shelter, then the copies */
  size_t size;
} saves[SAVES];

extern char *__libc_stack_end __attribute__((weak));

/* ---- places ---- */

static uint64_t own_pointer(void) {
  uint64_t thread, gs;
  arch_get_tls(&thread, &gs);
  return thread;
}

static struct save *find(void) {
  uint64_t thread = own_pointer();
  int tid = (int)SYS(gettid);
  for (unsigned i = 0; i < SAVES; i++)
    if (atomic_load(&saves[i].tid) == tid && saves[i].thread == thread)
      return &saves[i];
  return 0;
}

static bool is_gone(int tid) {
  return SYS(tgkill, SYS(getpid), tid, 0) == -ESRCH;
}

/* What it has of another thread's is its memory. */
static struct save *claim(void) {
  int tid = (int)SYS(gettid);
  for (unsigned round = 0; round < 2; round++)
    for (unsigned i = 0; i < SAVES; i++) {
      int before = atomic_load(&saves[i].tid);
      if (before && (round == 0 || !is_gone(before)))
        continue;
      if (!atomic_compare_exchange_strong(&saves[i].tid, &before, tid))
        continue;
      saves[i].valid = false;
      saves[i].stack_begin = saves[i].stack_end = 0;
      saves[i].thread = own_pointer();
      return &saves[i];
    }
  return 0;
}

/* What was excluded of the copies (copy()) is so by its addresses, which
 * may be another's next. */
static void unmap_block(struct save *save) {
  if (!save->size)
    return;
  uint64_t block = (uint64_t)save->block;
  if (exclude_has(block, block + save->size))
    exclude_remove(block, block + save->size);
  SYS(munmap, save->block, save->size);
  save->size = 0;
}

static bool make_room(struct save *save, size_t bytes) {
  size_t size = (SHELTER + bytes + ROUND - 1) / ROUND * ROUND;
  if (size <= save->size)
    return true;
  long block = SYS(mmap, 0, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block < 0)
    return false;
  unmap_block(save);
  save->block = (char *)block;
  save->size = size;
  return true;
}

/* A failure is to be taken also where the thread's own stack is what is wrong.
 */
static void give_alternate_stack(struct save *save) {
  stack_t stack = {0};
  if (SYS(sigaltstack, 0, &stack) < 0 || stack.ss_size)
    return;
  if (!save->handlers) {
    long at = SYS(mmap, 0, SHELTER, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    save->handlers = at > 0 ? (char *)at : 0;
  }
  stack = (stack_t){.ss_sp = save->handlers, .ss_size = SHELTER};
  if (save->handlers)
    SYS(sigaltstack, &stack, 0);
}

static void take_alternate_stack(struct save *save) {
  stack_t stack = {0};
  if (!save->handlers || SYS(sigaltstack, 0, &stack) < 0)
    return;
  stack_t none = {.ss_flags = SS_DISABLE};
  if (stack.ss_sp == save->handlers && SYS(sigaltstack, &none, 0) < 0)
    return; /* the thread is on it */
  SYS(munmap, save->handlers, SHELTER);
  save->handlers = 0;
}

/* libc has handlers of pthread_cleanup_push() in a list of buffers on the
 * stack, each of which begins its last words with the one before. */
static void *innermost_cleanup(void) {
  __pthread_unwind_buf_t buffer;
  __pthread_register_cancel(&buffer);
  __pthread_unregister_cancel(&buffer);
  return buffer.__pad[0];
}

static void set_innermost_cleanup(void *cleanup) {
  __pthread_unwind_buf_t after = {.__pad = {cleanup}};
  __pthread_unregister_cancel(&after);
}

/* ---- what there is to save ---- */

static bool add(struct save *save, const void *at, size_t size) {
  if (save->count == PARTS)
    return false;
  save->parts[save->count++] = (struct part){(char *)(uintptr_t)at, size};
  save->used += size;
  return true;
}

/* libc's own thread-local memory says what libc has done, on the heap say; in a
 * program that is linked statically it cannot be told from the program's. */
static int add_module(struct dl_phdr_info *info, size_t size, void *argument) {
  struct save *save = argument;
  const char *at = info->dlpi_tls_data;
  if (at && (uint64_t)at > save->registers.sp && (uint64_t)at < save->end)
    save->end = (uint64_t)at;
  for (unsigned i = 0; size >= sizeof *info && at && i < info->dlpi_phnum;
       i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_TLS || !header->p_memsz)
      continue;
    const char *libc = (const char *)__errno_location();
    bool is_libc = libc >= at && libc < at + header->p_memsz;
    if ((!is_libc || !*info->dlpi_name) && !add(save, at, header->p_memsz))
      return 1;
  }
  return 0;
}

/* The stack ends where the thread's descriptor and thread-local memory begin,
 * which libc has at its top; that of the first thread where the kernel's words
 * for the program begin. */
static void find_stack(struct save *save) {
  pthread_attr_t attributes;
  void *begin;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attributes))
    return;
  if (pthread_attr_getstack(&attributes, &begin, &size) == 0) {
    save->stack_begin = (uint64_t)begin;
    save->stack_end = save->stack_begin + size;
  }
  pthread_attr_destroy(&attributes);
  uint64_t first = &__libc_stack_end ? (uint64_t)__libc_stack_end : 0;
  if (first > save->stack_begin && first < save->stack_end)
    save->stack_end = first;
}

/* Below the thread-local memory libc keeps room for that of libraries that are
 * loaded later, and writes it there. It is zero; a stack does not begin with
 * zero, but with where the thread's first function returns to. */
static uint64_t without_room(uint64_t sp, uint64_t end) {
  end &= ~7ull;
  while (end > sp && !((const uint64_t *)end)[-1])
    end -= 8;
  return end;
}

static int collect(struct save *save, const char *set) {
  uint64_t sp = save->registers.sp;
  const struct region *region = 0;
  save->count = 0;
  save->used = 0;
  if (!save->stack_end)
    find_stack(save);
  if (sp < save->stack_begin || sp >= save->stack_end)
    return -EINVAL;
  bool within = save->thread > sp && save->thread < save->stack_end;
  save->end = within ? save->thread : save->stack_end;
  if (dl_iterate_phdr(add_module, save) ||
      !add(save, (const void *)sp, without_room(sp, save->end) - sp))
    return -ENOMEM;
  for (unsigned i = 0; set && (region = region_calls_of(set, i)); i++)
    if (!add(save, (const void *)region->address,
             region->count * region_element(region->type)))
      return -ENOMEM;
  return set && !region_calls_of(set, 0) ? -ENOENT : 0;
}

/* A copy of what is excluded from checkpoints is in none either; nor is what is
 * left of one before. */
static bool copy(struct save *save) {
  char *to = save->block + SHELTER;
  if (exclude_has((uint64_t)to, (uint64_t)save->block + save->size))
    memset(to, 0, save->size - SHELTER);
  for (unsigned i = 0; i < save->count; to += save->parts[i++].size) {
    const struct part *part = &save->parts[i];
    if (exclude_copy((uint64_t)part->at, part->size, (uint64_t)to) < 0)
      return false;
    memcpy(to, part->at, part->size);
  }
  return true;
}

int arch_thread_saved(const char *set, const struct arch_registers *registers) {
  if (!events_serve())
    return -ENOSYS;
  if (sections_own())
    return -EDEADLK;
  struct save *save = find();
  if (!save)
    save = claim();
  if (!save)
    return -ENOMEM;
  save->valid = false;
  save->registers = *registers;
  int result = collect(save, set);
  if (result == 0 && !make_room(save, save->used))
    result = -ENOMEM;
  if (result < 0)
    return result;
  if (faults_take_threads())
    give_alternate_stack(save);
  if (!copy(save))
    return -ENOMEM;
  SYS(rt_sigprocmask, SIG_BLOCK, 0, &save->mask, 8);
  SYS(sigaltstack, 0, &save->alternate);
  save->cleanup = innermost_cleanup();
  save->times = 0;
  save->valid = true;
  return 0;
}

/* ---- going back ---- */

static struct save *valid(void) {
  struct save *save = events_here() ? find() : 0;
  return save && save->valid ? save : 0;
}

bool thread_calls_saved(uint32_t *times) {
  const struct save *save = valid();
  *times = save ? save->times : 0;
  return save != 0;
}

/* In the shelter. */
static void put_back(void *argument) {
  struct save *save = argument;
  const char *from = save->block + SHELTER;
  for (unsigned i = 0; i < save->count; from += save->parts[i++].size)
    memcpy(save->parts[i].at, from, save->parts[i].size);
  SYS(sigaltstack, &save->alternate, 0);
  arch_come_back(&save->registers, &save->mask, (int)save->times);
}

/* Whether all that is put back is mapped, which MS_ASYNC alone asks for
 * (msync(2)). */
static bool is_there(const struct part *part) {
  uint64_t at = (uint64_t)part->at, page = at / PAGE * PAGE;
  if (SYS(msync, page, at + part->size - page, MS_ASYNC) != -ENOMEM)
    return true;
  struct hwckpt_error error;
  char text[1400];
  hwckpt_fail(&error, HWCKPT_E_REGION, 0, "thread",
              "memory of it, or of a region, at 0x%llx to 0x%llx is not "
              "mapped any more: it cannot go back",
              (unsigned long long)at, (unsigned long long)at + part->size);
  SYS(write, 2, text, hwckpt_error_text(&error, "hwckpt", text, sizeof text));
  return false;
}

/* The memory may be protected by the runtime. */
static void open_part(const struct part *part) {
  uint64_t at = (uint64_t)part->at;
  protect_open(at, at + part->size);
  watch_pages_written(at, at + part->size);
}

int thread_calls_load(void) {
  uint64_t all = ~0ull;
  struct save *save = valid();
  if (!save)
    return -ENOENT;
  for (unsigned i = 0; i < save->count; i++)
    if (!is_there(&save->parts[i]))
      return -EFAULT;
  sections_end_own();
  set_innermost_cleanup(save->cleanup);
  SYS(rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
  /* Memory is put back with all signals blocked. */
  open_part(&(struct part){save->block, SHELTER});
  for (unsigned i = 0; i < save->count; i++)
    open_part(&save->parts[i]);
  save->times++;
  counters_thread_back();
  arch_on_stack(save->block + SHELTER, put_back, save);
}

EXPORTED int hwckpt_thread_load(void) { return thread_calls_load(); }

EXPORTED void hwckpt_thread_drop(void) {
  struct save *save = find();
  if (!save)
    return;
  save->valid = false;
  take_alternate_stack(save);
  unmap_block(save);
  atomic_store(&save->tid, 0);
}
