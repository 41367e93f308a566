/* locks.h - locks that the program holds through a descriptor. */
#ifndef HWCKPT_RESOURCES_LOCKS_H
#define HWCKPT_RESOURCES_LOCKS_H

#include "resource.h"

/* Puts a record for each lock, before the descriptor's own. */
int locks_save(struct resource_sink *sink, const Descriptor *message,
               struct hwckpt_error *error);
/* Takes those of the descriptor at source->at again; E319 when somebody else
 * has one by now. */
int locks_restore(const struct resource_source *source,
                  const Descriptor *message, struct hwckpt_error *error);

#endif
