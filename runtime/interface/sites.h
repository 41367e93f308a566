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
/* Writes the original byte of one site back, or the breakpoint; on any thread,
 * in a forked child too. */
void sites_patch(uint64_t address, bool breakpoint);

/* After a restore: the tables are gone. */
void sites_forget(void);

#endif
