/* system_v.h - the System V objects of a program that is restored: shared
 * memory, semaphores, message queues.
 *
 * They outlive who made them: what is still there is taken back to the
 * checkpoint, what is gone is made anew, with its id, which the program
 * remembers. Without the right to choose ids (CAP_CHECKPOINT_RESTORE), or where
 * something else has one by now, the program gets an IPC namespace of its own.
 */
#ifndef HWCKPT_SYSTEM_V_H
#define HWCKPT_SYSTEM_V_H

#include "generation.h"

/* Of all processes of the program together. In the process that they descend
 * from; may_part: which may leave its IPC namespace. */
int system_v_make(const struct generation *const *parts, size_t count,
                  bool may_part, struct hwckpt_error *error);
/* Nothing became of the restore: what was made is removed. In the same process.
 */
void system_v_unmake(void);

#endif
