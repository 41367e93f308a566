/* timer.h - the monitor of time: the option every, and the rules every= and
 * cpu=. What the record of a checkpoint has of it. */
#ifndef HWCKPT_INTERFACE_TIMER_H
#define HWCKPT_INTERFACE_TIMER_H

#include <stdint.h>

/* The shortest interval of the timers in force; 0: none. */
uint64_t timer_interval_ns(void);
/* How much later than by its interval the timer's event comes. */
uint64_t timer_delay_ns(uint64_t now_ns);

#endif
