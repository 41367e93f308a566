/* hooks.h - system hooks: how compiled code enters the runtime. */
#ifndef HWCKPT_INTERFACE_HOOKS_H
#define HWCKPT_INTERFACE_HOOKS_H

/* Installs the handlers of the traps, and of the requesting signal (0: none)
 * where the program has none yet. */
void hooks_install(int request_signal);

#endif
