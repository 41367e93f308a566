/* rule_counters.h - names of perf events, as in rules and in perf-list(1). */
#ifndef HWCKPT_INTERFACE_RULE_COUNTERS_H
#define HWCKPT_INTERFACE_RULE_COUNTERS_H

#include "rule_text.h"

#include <linux/perf_event.h>

/* What the name of a counter stands for (perf_event_open(2)). Of a tracepoint,
 * SUBSYSTEM:NAME, the type alone: its number is the kernel's. */
struct counter {
  uint32_t type;   /* PERF_TYPE_... */
  uint64_t config; /* of the type */
};

/* False: there is none of that name. */
bool counter_find(struct part name, struct counter *counter);

/* What the kernel does for the program counts too: for what happens there alone
 * it must, which takes a right; of clocks it should. */
enum counter_kernel { KERNEL_NOT, KERNEL_WHERE_PERMITTED, KERNEL_ALWAYS };
enum counter_kernel counter_kernel(const struct counter *counter);

/* Fills what perf_event_open(2) takes; it is stopped when it is made. */
void counter_attributes(const struct counter *counter, uint64_t period,
                        bool kernel, struct perf_event_attr *attributes);

#endif
