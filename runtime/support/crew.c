/* crew.c - see crew.h.
 *
 * `open` holds the number of the task and how many parts of it nobody has taken
 * yet. A part is taken by counting that down in one step with the number, so
 * that a thread that wakes late takes none of the next task by mistake; and a
 * task's description stands until all who took a part of it are done.
 */
#include "crew.h"

#include "../arch/sys.h"
#include "live.h"
#include "quiesce.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>

static LIVE struct {
  _Atomic uint64_t open; /* number of the task, parts not taken */
  _Atomic uint32_t bell; /* number of the task (futex) */
  _Atomic uint32_t done; /* parts (futex) */
  crew_part *part;
  void *context;
  uint32_t parts;
  unsigned members;
} crew;

#define LEFT(word) ((uint32_t)(word))

static void work(unsigned member) {
  uint64_t word = atomic_load(&crew.open);
  while (LEFT(word)) {
    if (!atomic_compare_exchange_weak(&crew.open, &word, word - 1))
      continue;
    crew.part(LEFT(word) - 1, member, crew.context);
    if (atomic_fetch_add(&crew.done, 1) + 1 == crew.parts)
      SYS(futex, &crew.done, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    word = atomic_load(&crew.open);
  }
}

static void serve(void *argument) {
  unsigned member = (unsigned)(uintptr_t)argument;
  for (uint32_t heard = 0;;) {
    SYS(futex, &crew.bell, FUTEX_WAIT_PRIVATE, heard, 0, 0, 0);
    heard = atomic_load(&crew.bell);
    work(member);
  }
}

int crew_open(struct hwckpt_error *error) {
  uint64_t mask[16] = {0};
  unsigned processors = 0;
  int result = 0;
  SYS(sched_getaffinity, 0, sizeof mask, mask);
  for (unsigned i = 0; i < 16; i++)
    processors += (unsigned)__builtin_popcountll(mask[i]);
  crew.members = 1;
  while (result == 0 && crew.members < processors && crew.members < CREW_MAX)
    result = quiesce_spawn_companion(serve, (void *)(uintptr_t)crew.members++,
                                     "hwckpt-crew", error);
  return result;
}

void crew_begin(crew_part *part, unsigned parts, void *context) {
  uint64_t number = (atomic_load(&crew.open) >> 32) + 1;
  crew.part = part;
  crew.context = context;
  crew.parts = parts;
  atomic_store(&crew.done, 0);
  atomic_store(&crew.open, number << 32 | parts);
  if (crew.members == 1 || parts < 2)
    return;
  atomic_store(&crew.bell, (uint32_t)number);
  SYS(futex, &crew.bell, FUTEX_WAKE_PRIVATE, CREW_MAX, 0, 0, 0);
}

void crew_finish(void) {
  work(0);
  for (uint32_t done; (done = atomic_load(&crew.done)) != crew.parts;)
    SYS(futex, &crew.done, FUTEX_WAIT_PRIVATE, done, 0, 0, 0);
}

void crew_forget(void) { memset(&crew, 0, sizeof crew); }
