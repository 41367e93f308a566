/* unix_file.h - at a checkpoint: where the file of a bound unix socket is,
 * which may have been renamed or removed since, and whose. */
#ifndef HWCKPT_RESOURCES_UNIX_FILE_H
#define HWCKPT_RESOURCES_UNIX_FILE_H

#include "resource.h"

/* Of the socket with this inode, bound to this name: its unlinked, folder,
 * present, mode and owner. */
void unix_file_look(int socket, uint64_t inode, const char *name,
                    UnixSocket *is);
/* Of one whose file was removed: whether the directory of its name is there, or
 * can be made again. */
bool unix_file_has_room(const char *name);

#endif
