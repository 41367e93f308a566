/* own_file.h - the files that belong to this hwckpt. */
#ifndef HWCKPT_OWN_FILE_H
#define HWCKPT_OWN_FILE_H

#include "selection.h"

/* Writes the path of lib/hwckpt/NAME of the tree that the tool is in; 0 or a
 * negative errno: it is not there. */
int own_file(const char *name, char path[CACHE_PATH_MAX]);

#endif
