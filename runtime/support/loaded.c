/* loaded.c - see loaded.h.
 *
 * The gate is two pages that are watched like the rest. Reading the first
 * waits, in the kernel, until the watch ends, as nothing is ever brought to it;
 * to the second the loader brings a 1 when all else is there. Should the watch
 * end because tool and loader were killed, the second is empty: the program is
 * about to be killed as well, and must not store what it sees. */
#include "loaded.h"

#include "../../tools/restorer/plan.h"
#include "../arch/sys.h"
#include "live.h"

static char gate[RESTORE_GATE_SIZE] __attribute__((aligned(4096)));
static LIVE bool loading;

uint64_t loaded_gate(void) { return (uint64_t)gate; }

void loaded_restored(bool lazily) { loading = lazily; }

void loaded_wait(void) {
  if (!loading)
    return;
  (void)*(volatile char *)gate;
  while (!((volatile char *)gate)[RESTORE_GATE_SIZE / 2])
    SYS(pause);
  loading = false;
}
