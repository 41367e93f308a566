/* asked.h - checkpoints and rollbacks that are asked for from outside
 * (ask_abi.h).
 *
 * The rest is a monitor (asked.c).
 *
 * Invariant: who asked is answered once, by the first checkpoint (or rollback)
 * that begins afterwards, or by the error that keeps it from being taken.
 */
#ifndef HWCKPT_INTERFACE_ASKED_H
#define HWCKPT_INTERFACE_ASKED_H

#include <signal.h>
#include <stdbool.h>

/* In the handler of the stop signal: whether it asks for something. */
bool asked_signal(const siginfo_t *info);

#endif
