/* trap_actions.h - what the program wants done at SIGTRAP, SIGILL and SIGSYS,
 * whose handlers are the runtime's: a trap that is none of ours goes there. So
 * with the signals of failures, where the option rollback_on wants them.
 */
#ifndef HWCKPT_INTERFACE_TRAP_ACTIONS_H
#define HWCKPT_INTERFACE_TRAP_ACTIONS_H

#include "../support/handlers.h"

#include <stdbool.h>

/* Installs our handler; what there was becomes the program's action. */
void trap_actions_install(int number, signal_handler *handler);

/* From now on also the program's handler of it may be interrupted by it, and
 * the program's functions do not block it: it may come for us. */
void trap_actions_keep_open(int number);
/* So with the three of traps: there is code with sites or operations. */
void trap_actions_expect_traps(void);

/* In that handler: does what the program's action says. */
void trap_actions_pass(int number, siginfo_t *info, void *context);

/* Whether that is a handler. */
bool trap_actions_handled(int number);

/* For interpose.c: the signals that are not to be blocked, which come for us:
 * bit n - 1 is signal n. */
uint64_t __hwckpt_never_blocked(void);

/* For interpose.c: sets (not null) and tells (not null) the program's action of
 * a signal; 0 when the signal is none of these, or ours is not installed. */
int __hwckpt_trap_action(int number, const struct sigaction_raw *action,
                         struct sigaction_raw *before);

#endif
