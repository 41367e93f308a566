/* watch.h - variables marked hwckpt::watch, as modules bring and take them. */
#ifndef HWCKPT_INTERFACE_WATCH_H
#define HWCKPT_INTERFACE_WATCH_H

#include "../../intrinsics/hwckpt_isa.h"

#include <stdbool.h>
#include <stdint.h>

/* The variables of a module that came, or goes away; true if there are any.
 * With all signals blocked, one thread at a time. */
bool watch_module(const struct hwckpt_module *module);
bool watch_forget_module(const struct hwckpt_module *module);

/* The one there was written to, in sight of its debug register.
 * Async-signal-safe. */
void watch_written(uint64_t address);

#endif
