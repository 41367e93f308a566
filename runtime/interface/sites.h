/* sites.h - the poll sites of all modules, and arming them.
 *
 * A site is a byte of code; armed, it is a breakpoint. Invariant: the original
 * byte of every site is known before the first is armed, and an armed byte is
 * never captured.
 */
#ifndef HWCKPT_INTERFACE_SITES_H
#define HWCKPT_INTERFACE_SITES_H

#include <stdbool.h>
#include <stdint.h>

/* Makes every site trap; nothing happens (the stop signal serves) when a thread
 * has SIGTRAP blocked, for the kernel would end the program there. On the
 * checkpoint thread. */
void sites_arm(void);
void sites_disarm(void);

/* Whether address is a site; in a signal handler. */
bool sites_contains(uint64_t address);
/* Writes the original byte of one site back, or the breakpoint. With all
 * signals blocked. */
void sites_patch(uint64_t address, bool breakpoint);
/* The same, the original byte, in a child that was forked while sites were
 * armed: the lock may be held by a thread that the child does not have. */
void sites_repair_in_child(uint64_t address);

/* After a restore: the tables are gone. */
void sites_forget(void);

#endif
