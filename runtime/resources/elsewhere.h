/* elsewhere.h - what the kernel would take for the program's own doing, done by
 * a process for the moment that has the program's memory: what is closed there
 * the program has not closed. */
#ifndef HWCKPT_RESOURCES_ELSEWHERE_H
#define HWCKPT_RESOURCES_ELSEWHERE_H

#include <stdbool.h>

/* On a thread of the runtime, which waits for it. With its descriptors, or a
 * copy of them. A negative errno: there is no such process. */
long elsewhere(void *stack_top, bool own_descriptors,
               void (*act)(void *context), void *context);

#endif
