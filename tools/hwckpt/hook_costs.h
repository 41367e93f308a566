/* hook_costs.h - what the ways into the runtime cost on this machine. */
#ifndef HWCKPT_HOOK_COSTS_H
#define HWCKPT_HOOK_COSTS_H

/* Prints it, in milliseconds, and what hook=auto takes. */
void hook_costs_say(void);

#endif
