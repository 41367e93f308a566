/* posix_queues.h - the POSIX message queues of a program that is restored. They
 * outlive who made them: what is still there is filled anew, what is gone is
 * made. */
#ifndef HWCKPT_POSIX_QUEUES_H
#define HWCKPT_POSIX_QUEUES_H

#include "generation.h"

/* Of all processes of the program together, before they are there and in their
 * IPC namespace. */
int posix_queues_make(const struct generation *const *parts, size_t count,
                      struct hwckpt_error *error);

/* Nothing became of the restore: what was made is removed. In the same process.
 */
void posix_queues_unmake(void);

#endif
