/* slices.h - getting a processor soon where many want one. */
#ifndef HWCKPT_SLICES_H
#define HWCKPT_SLICES_H

/* For a thread that others wait for and that does little: short slices (Linux
 * 6.12), for which no right is needed, and the highest of the usual priorities
 * where that is allowed. */
void slices_come_first(void);

#endif
