/* pace.h - how strongly frames are coded, from what coding and the device were
 * measured to do.
 *
 * A page is durable the sooner the faster the slower of the two is, and takes
 * the fewer bytes of flash the stronger the level; both count the same. So with
 * B the bytes of pages that become durable in a second, and S the factor by
 * which they shrink, the level is taken whose product B * S is largest; storing
 * pages as they are is one of the levels (S = 1). Now and then a neighbour of
 * the level is tried, for content changes.
 *
 * Invariant: what is known comes from measurements, of this cache, or, before
 * there are any, is the constant below; nothing is ever divided by it as zero.
 */
#ifndef HWCKPT_CACHE_PACE_H
#define HWCKPT_CACHE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_LEVELS 5

struct pace {
  uint64_t device; /* bytes a second, 0: not known */
  unsigned level;  /* of PACE_LEVELS; what is taken but for trials */
  unsigned frames; /* coded so far */
  struct {
    uint64_t rate;   /* bytes a second coded, 0: not known */
    uint64_t shrink; /* bytes before for 256 after */
  } known[PACE_LEVELS];
};

/* The zstd level of the i-th; the first is CODEC_LEVEL_RAW. */
int pace_level(unsigned i);

/* Bytes of workspace to code at any of them. */
size_t pace_encoder_size(void);

/* Which level the next frame takes. */
unsigned pace_next(struct pace *pace);

/* A frame of `raw` bytes took `ns` to be coded into `stored`. */
void pace_coded(struct pace *pace, unsigned level, size_t raw, size_t stored,
                uint64_t ns);

/* So many bytes were written in `ns`, of which we waited for `waited`: if not
 * for long, the device can do that and more. */
void pace_wrote(struct pace *pace, uint64_t bytes, uint64_t ns,
                uint64_t waited);

/* Bytes a second the device is taken to write. */
uint64_t pace_device(const struct pace *pace);

#endif
