/* exclude.h - memory that checkpoints leave out.
 *
 * Ranges of bytes, of any alignment: what is in them is never written to the
 * cache and reads as zero after a restore. The table is part of the program's
 * memory, so that a restored program has it too. Invariant: a range that is
 * added or taken away is in `changed` until a capture has seen to it that the
 * next generation says what its pages hold now.
 */
#ifndef HWCKPT_SUPPORT_EXCLUDE_H
#define HWCKPT_SUPPORT_EXCLUDE_H

#include "dirty.h"

#include <stdbool.h>
#include <stdint.h>

/* In threads of the program, any number at once, and in signal handlers. 0, or
 * -ENOMEM when there are too many ranges; then nothing has changed but that
 * the next checkpoint fails. */
int exclude_add(uint64_t begin, uint64_t end);
int exclude_remove(uint64_t begin, uint64_t end);

/* For a copy of [from, from + length) that is made next: of it is excluded what
 * is of the original, and no more. As exclude_add(). */
int exclude_copy(uint64_t from, uint64_t length, uint64_t to);

/* Whether something in [begin, end) is excluded: by what was before now. */
bool exclude_has(uint64_t begin, uint64_t end);

/* While the program runs, the checkpoint thread keeps it from changing the
 * table while it looks; whoever changes it waits. */
void exclude_hold(void);
void exclude_let_go(void);

/* The rest only while the program is stopped, or the table held. */

/* The excluded part of [begin, end) that begins lowest: sets *from and *to and
 * returns true, or returns false when there is none. */
bool exclude_in(uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to);

/* Before the scan: pages whose exclusion has changed become written ones. */
int exclude_prepare(const struct dirty *dirty, const struct memory_map *map,
                    struct hwckpt_error *error);

#endif
