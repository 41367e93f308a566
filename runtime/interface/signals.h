/* signals.h - the monitor of signals that ask for a checkpoint: the options
 * signal and exit_signal, and the rules signal= and exit=. */
#ifndef HWCKPT_INTERFACE_SIGNALS_H
#define HWCKPT_INTERFACE_SIGNALS_H

#include "../sanitizer/face.h"

/* When the program begins, before it has handlers of its own: where it has one
 * already, ours is left out. A restore brings the handlers of then. */
void signals_install(const struct hwckpt_options *options);

/* For interpose.c: whether that handler is ours. The program is told that its
 * action is the default. */
int __hwckpt_is_request(uint64_t handler);

#endif
