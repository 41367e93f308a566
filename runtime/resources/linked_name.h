/* linked_name.h - the name that an open file still has (link(2)) when the one
 * that it was opened by is removed: the kernel tells the latter only. */
#ifndef HWCKPT_RESOURCES_LINKED_NAME_H
#define HWCKPT_RESOURCES_LINKED_NAME_H

#include "resource.h"

/* Puts it in the place of the path, if that is of a removed name and there is
 * another in its directory. */
void linked_name(Descriptor *message);

#endif
