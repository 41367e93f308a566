/* owners.h - whom the kernel tells, by signals, of what happens to open files.
 */
#ifndef HWCKPT_RESOURCES_OWNERS_H
#define HWCKPT_RESOURCES_OWNERS_H

#include "resource.h"

/* Puts a record before the descriptor's own, where there is something to tell;
 * E208 where the signals go to somebody who is not of the program. */
int owners_save(struct resource_sink *sink, const Descriptor *message,
                struct hwckpt_error *error);

#endif
