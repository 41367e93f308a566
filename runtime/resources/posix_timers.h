/* posix_timers.h - what pending signals and timers know of each other. */
#ifndef HWCKPT_RESOURCES_POSIX_TIMERS_H
#define HWCKPT_RESOURCES_POSIX_TIMERS_H

#include "resource.h"

#include <signal.h>

/* A pending signal was seen when those were saved. */
void posix_timer_signal_seen(const siginfo_t *info);
/* Whether a recorded timer sends that pending signal when it is restored, so
 * that it need not be queued. */
bool posix_timer_signals_again(const struct resource_source *source,
                               const siginfo_t *info);

#endif
