/* interval.h - how often a checkpoint is best taken.
 *
 * Source: J. T. Daly, A higher order estimate of the optimum checkpoint
 * interval for restart dumps, Future Generation Computer Systems 22 (2006).
 */
#ifndef HWCKPT_INTERFACE_INTERVAL_H
#define HWCKPT_INTERFACE_INTERVAL_H

#include <stdint.h>

/* The interval from the end of one checkpoint to the begin of the next that
 * loses the least time, given what one costs and the mean time between
 * failures; nanoseconds all. */
uint64_t interval_daly(uint64_t cost_ns, uint64_t mtbf_ns);

/* When the next checkpoint is due, of one that was begun and is durable now: an
 * interval after its begin, but not before the program had a quarter of the
 * interval for itself. When writing takes longer than the interval, flash does
 * not keep up: the program then gets as long as the writing took, so that no
 * more than half of the time is spent in checkpoints, however slow it is. */
uint64_t interval_due(uint64_t begin_ns, uint64_t now_ns, uint64_t interval_ns);

/* The same after a rollback that ends now: as it was, for rollbacks that come
 * sooner than checkpoints would else put them all off. What was due meanwhile
 * leaves the program a quarter of the interval: a checkpoint of where it has
 * just come from is worth nothing. */
uint64_t interval_due_back(uint64_t due_ns, uint64_t now_ns,
                           uint64_t interval_ns);

#endif
