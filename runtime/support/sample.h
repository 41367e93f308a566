/* sample.h - a part of what was written, copied before the rounds, to see how
 * fast the program writes it again.
 *
 * What a round copies and the program writes again before the stop goes to
 * flash twice. A round takes as long as flash takes for all that was written;
 * the sample, of places all over it, tells after a fraction of that time how
 * much will have been written again by its end. Invariant: no more than one
 * page in SAMPLE_LEAST that were written is in it, so that it costs little when
 * there are no rounds after it.
 */
#ifndef HWCKPT_SUPPORT_SAMPLE_H
#define HWCKPT_SUPPORT_SAMPLE_H

#include "capture.h"

/* Copies a sample of what was written, `written` pages or fewer, and watches
 * it. True: a round would be copied in vain, for the most part or for more than
 * may go to flash twice. The list is for its use. The program runs. */
bool sample_says_vain(struct capture *capture, const struct memory_map *map,
                      uint64_t written, struct runs *list);

#endif
