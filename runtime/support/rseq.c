/* rseq.c - see rseq.h. Threads go by their thread pointers, which a restore
 * does not change. The notes are the program's memory: they come back with it.
 */
#include "rseq.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"

#include <errno.h>
#include <linux/rseq.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* glibc's registration (since 2.35). */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
#define LIBC_SIGNATURE 0x53053053u
#define LIBC_LENGTH 32u

struct area {
  uint64_t address;
  uint32_t length, signature;
};

/* Threads beyond come back without. */
#define NOTES 4096u
static struct note {
  _Atomic uint64_t thread; /* 0: free */
  struct area area;
  int tid;
} notes[NOTES];
static _Atomic uint32_t noted; /* so many were ever used, from the first */

static struct note *find(uint64_t fs_base) {
  uint32_t count = atomic_load(&noted);
  for (uint32_t i = 0; i < count; i++)
    if (atomic_load(&notes[i].thread) == fs_base)
      return &notes[i];
  return NULL;
}

static struct note *claim(uint64_t fs_base) {
  for (uint32_t i = 0; i < NOTES; i++) {
    uint64_t nobody = 0;
    if (!atomic_compare_exchange_strong(&notes[i].thread, &nobody, fs_base))
      continue;
    uint32_t count = atomic_load(&noted);
    while (count <= i && !atomic_compare_exchange_weak(&noted, &count, i + 1)) {
    }
    return &notes[i];
  }
  return NULL;
}

static bool area_of_libc(uint64_t fs_base, struct area *area) {
  if (!&__rseq_size || !&__rseq_offset || !__rseq_size)
    return false;
  area->address = fs_base + (uint64_t)__rseq_offset;
  area->length = __rseq_size > LIBC_LENGTH ? __rseq_size : LIBC_LENGTH;
  area->signature = LIBC_SIGNATURE;
  return true;
}

/* It is taken back with a wrong signature, which is refused, but only where all
 * else is right. */
static bool is_registered(const struct area *area) {
  return SYS(rseq, area->address, area->length, RSEQ_FLAG_UNREGISTER,
             ~area->signature) == -EPERM;
}

enum rseq_kind rseq_look(uint64_t fs_base) {
  struct area of_libc;
  struct note *own = find(fs_base);
  /* A filter may forbid to ask: then an earlier thread's is told by its id. */
  bool may_ask = !resources_filtered();
  if (own) {
    if (may_ask ? is_registered(&own->area) : own->tid == (int)SYS(gettid))
      return RSEQ_OWN;
    atomic_store(&own->thread, 0);
  }
  return !may_ask ||
                 (area_of_libc(fs_base, &of_libc) && is_registered(&of_libc))
             ? RSEQ_OF_LIBC
             : RSEQ_NONE;
}

void rseq_describe(Thread *thread, enum rseq_kind kind) {
  struct area area;
  const struct note *own = kind == RSEQ_OWN ? find(thread->fs_base) : NULL;
  if (kind == RSEQ_NONE || (!own && !area_of_libc(thread->fs_base, &area)))
    return;
  if (own)
    area = own->area;
  thread->rseq = area.address;
  thread->rseq_length = area.length;
  thread->rseq_signature = area.signature;
}

static void note(bool there, const struct area *area) {
  uint64_t fs_base, gs_base;
  arch_get_tls(&fs_base, &gs_base);
  struct note *own = find(fs_base);
  if (!there) {
    if (own)
      atomic_store(&own->thread, 0);
  } else if (own || (own = claim(fs_base))) {
    own->area = *area;
    own->tid = (int)SYS(gettid);
  }
}

long __hwckpt_rseq(void *address, uint32_t length, int flags,
                   uint32_t signature) {
  const struct area area = {(uint64_t)address, length, signature};
  uint64_t all = ~0ull, before;
  /* No stop comes in between. */
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  long result = SYS(rseq, address, length, flags, signature);
  if (result == 0)
    note(!(flags & RSEQ_FLAG_UNREGISTER), &area);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  return result;
}
