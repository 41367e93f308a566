/* fallback.h - when the checkpoint to restore is damaged: the one before it.
 *
 * Invariant: an older generation is taken by itself only when the user named
 * none, and never without saying which one, how old it is, and what was wrong
 * with the newer one. */
#ifndef HWCKPT_FALLBACK_H
#define HWCKPT_FALLBACK_H

#include "generation.h"
#include "selection.h"

/* After the error, which says that the selected generation is damaged: begins
 * `hwckpt restore` again with the newest older one that is whole, every page of
 * it read, and returns only when there is none, or it cannot be begun; then,
 * and when `code` is not of damage or a generation was named, says which one to
 * take. Says as well which of those between are damaged. argv is that of the
 * command, after getopt_long(3). generation serves to look. */
void fallback_take(struct selection *selection, struct generation *generation,
                   enum hwckpt_code code, bool named, char **argv);

/* Whether that error is about bytes of the checkpoint itself. */
bool fallback_is_damage(enum hwckpt_code code);

#endif
