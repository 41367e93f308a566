/* redirect.h - see arch/x86_64/redirect.c. */
#ifndef HWCKPT_RESTORER_REDIRECT_H
#define HWCKPT_RESTORER_REDIRECT_H

#include "restorer.h"

#include "../../runtime/support/vdso.h"

/* Maps memory where the vdso was at the checkpoint, with ways to the functions
 * of the one that is at `now`. */
void redirect_functions(const Area *then, const struct cache_range *now);

#endif
