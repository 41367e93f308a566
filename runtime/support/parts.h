/* parts.h - parts of an application whose generations nobody names any more.
 */
#ifndef HWCKPT_SUPPORT_PARTS_H
#define HWCKPT_SUPPORT_PARTS_H

#include "../cache/cache.h"

/* Removes of each part what is older than all that the application's own
 * generations name (TreeMember), and parts that none names, when the process
 * that wrote them has ended. On the checkpoint thread of the process whose
 * generations those are, between two checkpoints. */
int parts_retain(struct cache *cache, const char *application,
                 struct hwckpt_error *error);

#endif
