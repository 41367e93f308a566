/* checks.h - what can be known before any process is made: whether the program,
 * its files, the kernel and the processor are those of the checkpoint. */
#ifndef HWCKPT_CHECKS_H
#define HWCKPT_CHECKS_H

#include "generation.h"
#include "runtime/cache/undo_back.h"

/* Fails with the first thing that would keep the generation from being
 * restored, but for files: the program itself may have changed those since.
 * Changes nothing. `any_processor`: also one that has not all instructions of
 * the one that the program was started on. */
int checks_before_restore(const struct generation *generation,
                          bool any_processor, struct hwckpt_error *error);
/* Whether the kernel's functions are other ones than at the checkpoint, and the
 * program's calls are to be redirected to them. In the environment
 * HWCKPT_OTHER_KERNEL says so, for tests. */
bool checks_other_kernel(const struct generation *generation);
/* The same for those, but for what taking back what `paths` speak of may put
 * right; null: that is done. */
int checks_of_files(const struct generation *generation,
                    const struct undo_paths *paths, struct hwckpt_error *error);

/* Whether a file that is mapped, or the working directory, may be another one
 * once they are taken back, or one that is mapped private hold something else:
 * that has to be done first. */
bool checks_need_early(const struct generation *generation,
                       const struct undo_paths *paths);

/* Whether the machine was started again since a checkpoint of a program that
 * keeps what it changes in files. */
bool checks_of_restart(const struct generation *generation);

#endif
