/* blocked.h - threads that block a signal which code forces on them. On the
 * checkpoint thread, or where there is no other thread of the runtime.
 *
 * Invariant: who is asked twice about the same thread reads the same open file,
 * so that asking about many threads again and again costs a read each.
 */
#ifndef HWCKPT_SUPPORT_BLOCKED_H
#define HWCKPT_SUPPORT_BLOCKED_H

#include <stdbool.h>
#include <stdint.h>

/* Whether a thread of the program blocks one of the signals of the mask (bit n
 * - 1 is signal n; of 1 to 31), as the kernel sees it now. Threads that wait in
 * a save block everything and do not count. */
bool blocked_anywhere(uint32_t mask);

/* In the restored program: no file is open. */
void blocked_forget(void);

#endif
