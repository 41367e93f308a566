/* cut.h - a process of a tree takes its checkpoints together with the others:
 * its side of the protocol (tree_abi.h, docs/trees.md). On the checkpoint
 * thread, but for what says otherwise.
 *
 * Invariant: whatever becomes of the coordinator, the program does not stand
 * still for longer than a deadline.
 */
#ifndef HWCKPT_INTERFACE_CUT_H
#define HWCKPT_INTERFACE_CUT_H

#include "../support/checkpoint.h"

#include <stdbool.h>

/* By the option `tree`: whether there is a coordinator, and whether this
 * process is the one that it started, or restored under an id that it could not
 * know; restored: or one of the others that it restored. Anywhere. */
void cut_start(const char *option, bool restored, bool restored_root);
/* Before that, in a program that comes back, be it under another name. */
void cut_came_back(void);
bool cut_is_there(void);
bool cut_is_root(void);

/* Whether no other process is in the tree, as far as is seen without asking. */
bool cut_is_alone(void);
/* Takes a checkpoint, with all others if there are any: `cut`, for which the
 * coordinator asked; 0: one is asked for. The others wait for critical sections
 * of this one for so long. The generation in the result is the
 * whole's. 1: it was not taken, as of checkpoint_take(). */
int cut_take(uint32_t cut, uint64_t section_wait_ns,
             const struct checkpoint_reason *reason,
             const struct quiesce_hooks *hooks,
             struct checkpoint_result *result, struct hwckpt_error *error);

/* The program of this process has refused it, for that reason: the others hear
 * of it. The error's negative code. */
int cut_decline(uint32_t cut, const struct checkpoint_reason *reason,
                const struct hwckpt_error *error);

/* On any thread: waits until nothing is left to be written of what was captured
 * of this process. */
void cut_await_written(void);

/* In a forked child, and in the restored program: nothing is open. */
void cut_forget(void);

#endif
