/* status_message.h - what a restorer says to the tool, a message at a time. */
#ifndef HWCKPT_STATUS_MESSAGE_H
#define HWCKPT_STATUS_MESSAGE_H

#include "tools/restorer/plan.h"

#include <stdbool.h>
#include <sys/types.h>

/* Without waiting: as recv(2); *descriptor is the one that came with it, the
 * caller's to close, or -1. */
ssize_t status_receive(int fd, struct restore_status *status, int *descriptor);

/* In a process that is to become a restorer: RESTORE_GIVE, the descriptor stays
 * open. False, and errno: it could not be said. */
bool status_give(int fd, uint64_t key, int descriptor);

#endif
