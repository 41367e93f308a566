/* private.h - memory of the runtime itself that no checkpoint contains.
 *
 * Invariant: every address range the runtime maps for itself (rings, stacks,
 * tables, the cache's buffers) is in this table from before it can be used
 * until after it is unmapped, so that a capture leaves it out and a restored
 * program begins without what is in it. Thread safe, lock-free for readers; not
 * for use in signal handlers.
 */
#ifndef HWCKPT_SUPPORT_PRIVATE_H
#define HWCKPT_SUPPORT_PRIVATE_H

#include "../cache/cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maps length bytes, zeroed, not reserved; null when there is none or the table
 * is full. */
void *private_map(size_t length);
/* The same, shared with children that are made afterwards. */
void *private_map_shared(size_t length);
/* The same as private_map(), for what threads of the program read as it stands:
 * one that was stopped there finds it at its address, zeroed, when it goes on
 * in a restored program or in a forked child. */
void *private_map_lasting(size_t length);
void private_unmap(void *address, size_t length);

/* The private part of [begin, end) that begins lowest: sets *from and *to and
 * returns 1, or returns 0 when there is none. */
int private_in(uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to);

/* None of it is in core dumps from now on. */
void private_hide(void);

/* After a restore: nothing of before is mapped any more. What is lasting is
 * mapped anew; returns 0, or where one could not be, as something else is
 * there. */
uint64_t private_forget(void);

/* In a forked child: gives back all but what is kept or lasting. */
void private_drop(bool (*keeps)(const void *memory));

/* Input and output of the kernel, memory from here: for the cache. */
extern const struct cache_env private_cache_env;

#endif
