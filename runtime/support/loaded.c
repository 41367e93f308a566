/* loaded.c - see loaded.h.
 *
 * The gate is two pages that are watched like the rest. To the second the
 * loader brings a 1 when all else is there: who reads it before waits, in the
 * kernel. Reading the first asks the loader for what stands in the second, and
 * waits until it has answered, or the watch has ended. Should the watch end
 * because tool and loader were killed before all was there, the second is
 * empty: the program is about to be killed as well, and must not store what it
 * sees. */
#include "loaded.h"

#include "../arch/sys.h"
#include "live.h"

#include <sys/mman.h>

static char gate[RESTORE_GATE_SIZE] __attribute__((aligned(4096)));
static LIVE bool loading;

#define ALL_CAME (&gate[RESTORE_GATE_SIZE / 2])

uint64_t loaded_gate(void) { return (uint64_t)gate; }

void loaded_restored(bool lazily) { loading = lazily; }

bool loaded_is_under_way(void) { return loading; }

bool loaded_is_complete(void) {
  unsigned char resident = 0;
  return loading && SYS(mincore, ALL_CAME, 4096, &resident) == 0 &&
         resident & 1 && *(volatile char *)ALL_CAME;
}

void loaded_wait(void) {
  if (!loading)
    return;
  while (!*(volatile char *)ALL_CAME)
    SYS(pause);
}

/* Waits for the answer, or for the end of the watch. */
static void ask(uint64_t begin, uint64_t end) {
  volatile struct restore_asked *asked = (void *)(gate + RESTORE_GATE_ASKED);
  asked->begin = begin;
  asked->end = end;
  (void)*(volatile char *)gate;
}

const struct restore_moved *loaded_release(uint64_t begin, uint64_t end) {
  const struct restore_moved *moved = (const void *)gate;
  ask(begin, end);
  return moved->magic == RESTORE_MOVED_MAGIC &&
                 moved->count <= RESTORE_MOVED_MAX
             ? moved
             : 0;
}

void loaded_answered(void) { SYS(madvise, gate, 4096, MADV_DONTNEED); }

void loaded_end(void) {
  ask(0, 0);
  loading = false;
}
