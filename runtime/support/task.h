/* task.h - the threads of the process, as the kernel lists them. For the
 * checkpoint thread. */
#ifndef HWCKPT_SUPPORT_TASK_H
#define HWCKPT_SUPPORT_TASK_H

#include <stdbool.h>
#include <stddef.h>

/* Calls visit for every thread of /proc/self/task, or of another process. */
void task_each(void (*visit)(int tid, void *context), void *context);
void task_each_of(int pid, void (*visit)(int tid, void *context),
                  void *context);
/* How many there are: the number at one moment, other than a list. */
unsigned task_count(void);
/* A thread that has ended but is still listed, or that the kernel made for its
 * own work (io_uring): no signal reaches it. */
bool task_never_stops(int tid);
/* The processor it ran on last, -1: not known. */
int task_processor(int tid);
/* Reads /proc/self/task/TID/FILE whole, NUL-terminated; its length, or a
 * negative errno. */
long task_read(int tid, const char *file, char *buffer, size_t size);

#endif
