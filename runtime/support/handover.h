/* handover.h - what the program wrote while its memory was loaded.
 *
 * The loader's watch knows it: pages come write-protected, and the kernel takes
 * that away at their first write. But its userfaultfd also waits for what is
 * missing and tells of fork, mremap and munmap, which cannot be switched off;
 * so when all is there the runtime's own takes its place, a piece of memory
 * after the other. Invariant: that happens while the program stands still, and
 * a page that counts as written before does so afterwards.
 */
#ifndef HWCKPT_SUPPORT_HANDOVER_H
#define HWCKPT_SUPPORT_HANDOVER_H

#include "dirty.h"
#include "quiesce.h"

/* The next piece, for which the program is stopped; false: there is none, and
 * the watch is ended. What cannot be taken over is new to the next checkpoint.
 * On the checkpoint thread, once all memory is there. */
bool handover_next(struct dirty *dirty, struct memory_map *map,
                   const struct quiesce_hooks *hooks);

/* In the restored program: nothing was taken over. */
void handover_forget(void);

#endif
