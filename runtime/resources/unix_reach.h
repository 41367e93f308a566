/* unix_reach.h - at a restore: unix sockets that their names do not lead to,
 * for those that are to be connected to them: by their files, which are held
 * until all have met. */
#ifndef HWCKPT_RESOURCES_UNIX_REACH_H
#define HWCKPT_RESOURCES_UNIX_REACH_H

#include "unix_names.h"

/* The name by which a file, O_PATH, is reached, wherever it is. */
struct unix_name unix_reach_file(int file);
/* Holds the file of the socket with that descriptor; it is closed here. */
void unix_reach_hold(int descriptor, int file);
/* Where the socket with that descriptor is reached; length 0: nothing is held.
 */
struct unix_name unix_reach_of(int descriptor);
void unix_reach_end(void);

#endif
