/* system_v_used.h - which System V objects the program has asked for by its
 * libc, for the kernel keeps no list of who uses them.
 *
 * The list is memory of the program: forked children have their parent's, and
 * it comes back with the program. Async-signal-safe and thread-safe. */
#ifndef HWCKPT_RESOURCES_SYSTEM_V_USED_H
#define HWCKPT_RESOURCES_SYSTEM_V_USED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum system_v_object {
  SYSTEM_V_MEMORY = 1,
  SYSTEM_V_SEMAPHORES = 2,
  SYSTEM_V_QUEUE = 3
};

/* For interpose_system_v.c, when the program got the id. */
void __hwckpt_system_v_used(int object, int id);

/* The next id of that kind from *cursor on, which is 0 at the beginning; -1: no
 * more. While the program stands still. */
int system_v_used_next(enum system_v_object object, size_t *cursor);
/* The one that was returned last is there no more. */
void system_v_used_forget(size_t cursor);
/* There were more than are kept. */
bool system_v_used_too_many(void);

#endif
