/* rollbacks.h - going back to the newest checkpoint, within the process:
 * because a thread of the program asked (events_load()), somebody outside
 * (`hwckpt rollback`, a control socket), or a rule with then=rollback.
 *
 * Invariant: who asked is answered once, by the first rollback that begins
 * afterwards or by the error that keeps it from being done. What counts
 * requests is LIVE, a rollback leaves it alone.
 */
#ifndef HWCKPT_INTERFACE_ROLLBACKS_H
#define HWCKPT_INTERFACE_ROLLBACKS_H

#include "../support/quiesce.h"
#include "rules.h"

#include <stdbool.h>

/* A rule wants it; null: somebody does, who is a monitor's to answer.
 * Async-signal-safe. 0 or a negative errno. */
int rollbacks_request(const struct rule *rule);

/* ---- on the checkpoint thread ---- */

/* Whether something was requested. */
bool rollbacks_wanted(void);
/* Takes what was requested until now; whether there was something. */
bool rollbacks_begin(void);
/* Whether the one under way was requested, or is by the program itself. */
bool rollbacks_were_asked(void);
/* Rolls back, and answers all whom that serves; `say`: for people too. */
void rollbacks_serve(const struct quiesce_hooks *how, bool say);
/* There is nothing that could be rolled back to. */
void rollbacks_refuse(const struct hwckpt_error *error);
/* Of quiesce_hooks: memory is back, no thread has gone on yet. */
void rollbacks_undone(void);

#endif
