/* thread_calls.c - see thread_calls.h.
 *
 * A save is a place in the table, found by the thread's pointer, and a block of
 * memory: a stack on which the thread stands while its own is put back, then
 * copies of what is put back. A thread that ended without a drop leaves its
 * place to who needs one; the id tells a new thread with the same pointer from
 * it. Where a restore gives the thread another id its save is lost.
 */
#include "thread_calls.h"

#include "../../intrinsics/hwckptintrin.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/protect.h"
#include "counters.h"
#include "events.h"
#include "faults.h"
#include "region_calls.h"

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

struct part {
  char *at;
  size_t size;
};

static struct save {
  _Atomic uint64_t thread; /* its pointer; 0: free */
  int tid;
  bool valid;
  uint32_t times;
  struct arch_registers registers;
  uint64_t mask;
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

static struct save *find(void) {
  uint64_t thread, gs;
  arch_get_tls(&thread, &gs);
  for (unsigned i = 0; i < SAVES; i++)
    if (atomic_load(&saves[i].thread) == thread)
      return &saves[i];
  return 0;
}

static bool is_gone(const struct save *save) {
  return SYS(tgkill, SYS(getpid), save->tid, 0) == -ESRCH;
}

static struct save *claim(void) {
  uint64_t thread, gs;
  arch_get_tls(&thread, &gs);
  for (unsigned round = 0; round < 2; round++)
    for (unsigned i = 0; i < SAVES; i++) {
      uint64_t before = atomic_load(&saves[i].thread);
      if (before && (round == 0 || !is_gone(&saves[i])))
        continue;
      if (atomic_compare_exchange_strong(&saves[i].thread, &before, thread))
        return &saves[i];
    }
  return 0;
}

/* The place of the calling thread, as new where it was another's. */
static struct save *own(void) {
  int tid = (int)SYS(gettid);
  struct save *save = find();
  if (!save)
    save = claim();
  if (save && save->tid != tid) {
    save->stack_begin = save->stack_end = 0;
    save->valid = false;
    save->tid = tid;
  }
  return save;
}

static bool make_room(struct save *save, size_t bytes) {
  size_t size = (SHELTER + bytes + ROUND - 1) / ROUND * ROUND;
  if (size <= save->size)
    return true;
  long block = SYS(mmap, 0, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block < 0)
    return false;
  if (save->size)
    SYS(munmap, save->block, save->size);
  save->block = (char *)block;
  save->size = size;
  return true;
}

/* A failure is to be taken also where the thread's own stack is what is wrong.
 */
static void give_alternate_stack(struct save *save) {
  stack_t stack;
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
  stack_t stack;
  if (!save->handlers || SYS(sigaltstack, 0, &stack) < 0)
    return;
  stack_t none = {.ss_flags = SS_DISABLE};
  if (stack.ss_sp == save->handlers && SYS(sigaltstack, &none, 0) < 0)
    return; /* the thread is on it */
  SYS(munmap, save->handlers, SHELTER);
  save->handlers = 0;
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
 * which libc has at its top. */
static void find_stack(struct save *save) {
  pthread_attr_t attributes;
  void *begin;
  size_t size;
  if (save->tid == (int)SYS(getpid)) {
    save->stack_begin = 0;
    save->stack_end = &__libc_stack_end ? (uint64_t)__libc_stack_end : 0;
    return;
  }
  if (pthread_getattr_np(pthread_self(), &attributes))
    return;
  if (pthread_attr_getstack(&attributes, &begin, &size) == 0) {
    save->stack_begin = (uint64_t)begin;
    save->stack_end = save->stack_begin + size;
  }
  pthread_attr_destroy(&attributes);
}

static uint64_t lowest_above(const struct save *save, uint64_t sp) {
  uint64_t end = save->stack_end, thread = atomic_load(&save->thread);
  if (thread > sp && thread < end)
    end = thread;
  for (unsigned i = 0; i < save->count; i++) {
    uint64_t at = (uint64_t)save->parts[i].at;
    if (at > sp && at < end)
      end = at;
  }
  return end;
}

static int collect(struct save *save, const char *set, uint64_t sp) {
  const struct region *region = 0;
  save->count = 0;
  save->used = 0;
  if (!save->stack_end)
    find_stack(save);
  if (sp < save->stack_begin || sp >= save->stack_end)
    return -EINVAL;
  if (dl_iterate_phdr(add_module, save))
    return -ENOMEM;
  if (!add(save, (const void *)sp, lowest_above(save, sp) - sp))
    return -ENOMEM;
  for (unsigned i = 0; set && (region = region_calls_of(set, i)); i++)
    if (!add(save, (const void *)region->address,
             region->count * region_element(region->type)))
      return -ENOMEM;
  return set && !region_calls_of(set, 0) ? -ENOENT : 0;
}

int arch_thread_saved(const char *set, const struct arch_registers *registers) {
  if (!events_here())
    return -ENOSYS;
  struct save *save = own();
  if (!save)
    return -ENOMEM;
  save->valid = false;
  int result = collect(save, set, registers->sp);
  if (result == 0 && !make_room(save, save->used))
    result = -ENOMEM;
  if (result < 0)
    return result;
  if (faults_take_threads())
    give_alternate_stack(save);
  char *to = save->block + SHELTER;
  for (unsigned i = 0; i < save->count; to += save->parts[i++].size)
    memcpy(to, save->parts[i].at, save->parts[i].size);
  SYS(rt_sigprocmask, SIG_BLOCK, 0, &save->mask, 8);
  save->registers = *registers;
  save->times = 0;
  save->valid = true;
  return 0;
}

/* ---- going back ---- */

static struct save *valid(void) {
  struct save *save = events_here() ? find() : 0;
  return save && save->valid && save->tid == (int)SYS(gettid) ? save : 0;
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
  SYS(rt_sigprocmask, SIG_SETMASK, &save->mask, 0, 8);
  arch_come_back(&save->registers, (int)save->times);
}

int thread_calls_load(void) {
  uint64_t all = ~0ull;
  struct save *save = valid();
  if (!save)
    return -ENOENT;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
  /* Memory is put back with all signals blocked. */
  protect_open((uint64_t)save->block, (uint64_t)save->block + SHELTER);
  for (unsigned i = 0; i < save->count; i++) {
    uint64_t at = (uint64_t)save->parts[i].at;
    protect_open(at, at + save->parts[i].size);
  }
  save->times++;
  counters_thread_back();
  arch_on_stack(save->block + SHELTER, put_back, save);
}

EXPORTED int hwckpt_thread_load(void) { return thread_calls_load(); }

EXPORTED void hwckpt_thread_drop(void) {
  struct save *save = find();
  if (!save || save->tid != (int)SYS(gettid))
    return;
  save->valid = false;
  take_alternate_stack(save);
  if (save->size)
    SYS(munmap, save->block, save->size);
  save->size = 0;
  save->stack_end = 0;
  save->tid = 0;
  atomic_store(&save->thread, 0);
}
