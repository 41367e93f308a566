/* status_message.h - what a restorer says to the tool, a message at a time. */
#ifndef HWCKPT_STATUS_MESSAGE_H
#define HWCKPT_STATUS_MESSAGE_H

#include "tools/restorer/plan.h"

#include <sys/types.h>

/* Without waiting: as recv(2); *descriptor is the one that came with it, the
 * caller's to close, or -1. */
ssize_t status_receive(int fd, struct restore_status *status, int *descriptor);

#endif
