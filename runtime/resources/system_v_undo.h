/* system_v_undo.h - what the kernel takes back of System V semaphores at the
 * process's end (SEM_UNDO), which it tells nobody: counted by libc's calls. */
#ifndef HWCKPT_RESOURCES_SYSTEM_V_UNDO_H
#define HWCKPT_RESOURCES_SYSTEM_V_UNDO_H

#include <stddef.h>
#include <sys/sem.h>
#include <time.h>

/* semtimedop(2), for interpose_system_v.c: its result, or a negative errno. */
long __hwckpt_semtimedop(int id, struct sembuf *operations, size_t count,
                         const struct timespec *timeout);
/* The semaphore, or with -1 all of the set, was set: nothing is taken back. */
void __hwckpt_semaphores_set(int id, int number);

#endif
