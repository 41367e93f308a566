/* time_namespace.h - clocks that do not run backwards.
 *
 * CLOCK_MONOTONIC and CLOCK_BOOTTIME are the machine's: after a reboot, or on
 * another machine, they may be behind what the program has seen. Then it is
 * restored in a time namespace (time_namespaces(7)) where they go on from
 * there. Elsewhere it sees the machine's clocks. */
#ifndef HWCKPT_TIME_NAMESPACE_H
#define HWCKPT_TIME_NAMESPACE_H

#include "generation.h"

/* Compares the clocks with those of the checkpoint. */
void time_namespace_plan(const Process *then);

/* Processes made from now on are in the namespace, if there is to be one;
 * returns what time_namespace_leave() takes. Where it is not permitted, says so
 * once. */
int time_namespace_enter(void);
void time_namespace_leave(int own);

/* How much the program's CLOCK_MONOTONIC is ahead of ours. */
uint64_t time_namespace_ahead_ns(void);

#endif
