/* watch.h - variables marked hwckpt::watch, as modules bring and take them. */
#ifndef HWCKPT_INTERFACE_WATCH_H
#define HWCKPT_INTERFACE_WATCH_H

#include "../../intrinsics/hwckpt_isa.h"

#include <stdbool.h>

/* The variables of a module that came, or goes away; true if there are any.
 * With all signals blocked, one thread at a time. */
bool watch_module(const struct hwckpt_module *module);
bool watch_forget_module(const struct hwckpt_module *module);

#endif
