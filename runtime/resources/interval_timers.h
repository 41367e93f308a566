/* interval_timers.h - what pending signals tell these timers. */
#ifndef HWCKPT_RESOURCES_INTERVAL_TIMERS_H
#define HWCKPT_RESOURCES_INTERVAL_TIMERS_H

#include <signal.h>

/* A pending signal was seen when those were saved. */
void interval_timer_signal_seen(const siginfo_t *info);

#endif
