/* task.h - the threads of the process, as the kernel lists them. For the
 * checkpoint thread. */
#ifndef HWCKPT_SUPPORT_TASK_H
#define HWCKPT_SUPPORT_TASK_H

#include <stdbool.h>
#include <stddef.h>

/* Calls visit for every thread of /proc/self/task. */
void task_each(void (*visit)(int tid, void *context), void *context);
/* A thread that has ended but is still listed. */
bool task_is_dead(int tid);
/* Reads /proc/self/task/TID/FILE whole, NUL-terminated; its length, or a
 * negative errno. */
long task_read(int tid, const char *file, char *buffer, size_t size);

#endif
