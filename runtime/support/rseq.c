/* rseq.c - see rseq.h. Threads go by their thread pointers, which a restore
 * does not change. The notes are the program's memory: they come back with it.
 */
#include "rseq.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"

#include <errno.h>
#include <linux/rseq.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* glibc's registration (since 2.35). */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
#define LIBC_SIGNATURE 0x53053053u
#define LIBC_LENGTH 32u

/* Threads beyond come back without. */
#define NOTES 4096u
static struct note {
  _Atomic uint64_t thread; /* 0: free */
  uint64_t area;
  uint32_t length, signature;
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

void rseq_describe(Thread *thread) {
  const struct note *own = find(thread->fs_base);
  if (own) {
    thread->rseq = own->area;
    thread->rseq_length = own->length;
    thread->rseq_signature = own->signature;
  } else if (&__rseq_size && &__rseq_offset && __rseq_size) {
    thread->rseq = thread->fs_base + (uint64_t)__rseq_offset;
    thread->rseq_length = __rseq_size > LIBC_LENGTH ? __rseq_size : LIBC_LENGTH;
    thread->rseq_signature = LIBC_SIGNATURE;
  }
}

void rseq_look(uint64_t fs_base) {
  struct note *own = find(fs_base);
  if (!own || resources_filtered()) /* a filter may forbid to ask */
    return;
  long result = SYS(rseq, own->area, own->length, 0, own->signature);
  if (result == -EBUSY) /* it is registered */
    return;
  if (result == 0)
    SYS(rseq, own->area, own->length, RSEQ_FLAG_UNREGISTER, own->signature);
  atomic_store(&own->thread, 0);
}

long __hwckpt_rseq(void *area, uint32_t length, int flags, uint32_t signature) {
  long result = SYS(rseq, area, length, flags, signature);
  if (result != 0)
    return result;
  uint64_t fs_base, gs_base;
  arch_get_tls(&fs_base, &gs_base);
  struct note *own = find(fs_base);
  if (flags & RSEQ_FLAG_UNREGISTER) {
    if (own)
      atomic_store(&own->thread, 0);
  } else if (own || (own = claim(fs_base))) {
    own->area = (uint64_t)area;
    own->length = length;
    own->signature = signature;
  }
  return 0;
}
