/* rollback_files.h - files in a rollback in place: what the program changed in
 * them since the checkpoint is taken back by its undo logs, as `hwckpt restore`
 * does.
 *
 * Invariant: until rollback_files() nothing is changed; it may end in the
 * middle with the process, for a restore goes on where it was. On the
 * checkpoint thread.
 */
#ifndef HWCKPT_SUPPORT_ROLLBACK_FILES_H
#define HWCKPT_SUPPORT_ROLLBACK_FILES_H

#include "rollback.h"

#include "../cache/undo_back.h"

/* While all threads stand: what will come back, for resources_check(). */
int rollback_files_look(const struct rollback_target *target,
                        struct undo_paths *paths, struct hwckpt_error *error);
/* Memory is as it was, descriptors are not yet. What cannot be taken back is
 * said. */
int rollback_files(const struct rollback_target *target,
                   struct hwckpt_error *error);

#endif
