/* checks.h - what can be known before any process is made: whether the program,
 * its files, the kernel and the processor are those of the checkpoint. */
#ifndef HWCKPT_CHECKS_H
#define HWCKPT_CHECKS_H

#include "generation.h"

/* Fails with the first thing that would keep the generation from being
 * restored. Changes nothing. */
int checks_before_restore(const struct generation *generation,
                          struct hwckpt_error *error);

#endif
