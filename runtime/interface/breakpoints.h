/* breakpoints.h - hardware breakpoints on data, in every thread of the program.
 *
 * Invariant: a breakpoint is set in all threads, those born later too, or in
 * none. On the checkpoint thread but for those that say so.
 */
#ifndef HWCKPT_INTERFACE_BREAKPOINTS_H
#define HWCKPT_INTERFACE_BREAKPOINTS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BREAKPOINTS 4 /* debug registers of the processor */

/* Whose they are: the same memory may be watched by both. */
enum breakpoints_of { BREAKPOINTS_OF_VARIABLES, BREAKPOINTS_OF_RANGES };

/* The pieces of [address, address + length) that one breakpoint each watches:
 * aligned, of 1, 2, 4 or 8 bytes. Their number, or 0 if they are more than
 * BREAKPOINTS. */
unsigned breakpoints_split(uint64_t address, uint64_t length,
                           uint64_t addresses[BREAKPOINTS],
                           unsigned lengths[BREAKPOINTS]);

/* Watches the pieces of a range for writes by the program's own instructions,
 * those of the kernel excluded. 1: so it is. 0: not enough registers are left,
 * or a negative errno: the system refuses; then none is set. */
int breakpoints_set(enum breakpoints_of owner, uint64_t address,
                    uint64_t length);
void breakpoints_clear(enum breakpoints_of owner, uint64_t address,
                       uint64_t length);

/* In SIGTRAP's handler, of a trap sent by a perf event: whether it is one of
 * these, or was, and the address of its piece. */
bool breakpoints_hit(const siginfo_t *info, uint64_t *address);

/* Of an owner's, a bit for each whose piece has a byte in [begin, end); and the
 * piece of one, length 0: there is none any more. Async-signal-safe. */
unsigned breakpoints_in(enum breakpoints_of owner, uint64_t begin,
                        uint64_t end);
unsigned breakpoints_piece(unsigned index, uint64_t *address);

/* In the restored program: none is set. */
void breakpoints_forget(void);

#endif
