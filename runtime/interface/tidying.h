/* tidying.h - what the cache wants done between checkpoints, and is not urgent:
 * old generations are merged and removed.
 */
#ifndef HWCKPT_INTERFACE_TIDYING_H
#define HWCKPT_INTERFACE_TIDYING_H

/* On the checkpoint thread: until all is done, there is a request or a monitor
 * is due. */
void tidying_do(void);

#endif
