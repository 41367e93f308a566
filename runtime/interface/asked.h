/* asked.h - checkpoints that are asked for from outside (ask_abi.h).
 *
 * Invariant: who asked is answered once, by the first checkpoint that begins
 * afterwards, or by the error that keeps it from being taken.
 */
#ifndef HWCKPT_INTERFACE_ASKED_H
#define HWCKPT_INTERFACE_ASKED_H

#include "../error.h"

#include <signal.h>
#include <stdbool.h>

/* In the handler of the stop signal: whether it asks for a checkpoint. */
bool asked_signal(const siginfo_t *info);

/* The rest on the checkpoint thread. Whether somebody has no answer yet. */
bool asked_waits(void);
/* A checkpoint begins: it answers all that have asked until now. */
void asked_begin(void);
void asked_committed(const char *application, uint64_t generation);
void asked_failed(const struct hwckpt_error *error);

void asked_forget(void);

#endif
