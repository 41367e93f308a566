/* pace.c - see pace.h. */
#include "pace.h"

#include "codec.h"

#define SECOND UINT64_C(1000000000)

/* The lowest is a fast level that Lua's heap still halves at; above 6, frames
 * of 256 KiB shrink by a few percent more for several times the time. */
static const int levels[PACE_LEVELS] = {CODEC_LEVEL_RAW, -3, 1, 3, 6};
#define FIRST 2u

/* Before anything was written. */
#define DEVICE_FIRST (UINT64_C(1) << 30)
/* Storing as it is: one copy and a checksum. */
#define RAW_RATE (UINT64_C(4) << 30)
#define SHRINK_ONE 256u

int pace_level(unsigned i) { return levels[i]; }

size_t pace_encoder_size(void) {
  size_t most = 0;
  for (unsigned i = 1; i < PACE_LEVELS; i++) {
    size_t size = codec_encoder_size(levels[i]);
    most = size > most ? size : most;
  }
  return most;
}

uint64_t pace_device(const struct pace *pace) {
  return pace->device ? pace->device : DEVICE_FIRST;
}

/* ---- measuring ---- */

/* Of some MiB at most. */
static uint64_t rate_of(uint64_t bytes, uint64_t ns) {
  uint64_t rate = bytes * SECOND / (ns ? ns : 1);
  return rate ? rate : 1;
}

/* Takes in what is new with a part of its weight; what does not change any more
 * is reached. */
static void learn(uint64_t *known, uint64_t now, int part) {
  int64_t difference = (int64_t)now - (int64_t)*known;
  int64_t step = difference / part;
  if (step == 0)
    step = (difference > 0) - (difference < 0);
  *known = *known ? (uint64_t)((int64_t)*known + step) : now;
}

void pace_wrote(struct pace *pace, uint64_t bytes, uint64_t ns,
                uint64_t waited) {
  uint64_t rate = rate_of(bytes, ns);
  if (waited >= ns / 8)
    learn(&pace->device, rate, 4);
  else if (rate > pace->device)
    pace->device = rate;
}

static bool is_known(const struct pace *pace, unsigned level) {
  return level == 0 || pace->known[level].rate;
}

/* What does not shrink at one level, by a hundredth, does not at another: what
 * was known of others is of other content. */
#define SHRINK_LEAST (SHRINK_ONE + SHRINK_ONE / 100)

void pace_coded(struct pace *pace, unsigned level, size_t raw, size_t stored,
                uint64_t ns) {
  int part = level == pace->level ? 4 : 2; /* trials are rare */
  learn(&pace->known[level].rate, rate_of(raw, ns), part);
  learn(&pace->known[level].shrink, (uint64_t)raw * SHRINK_ONE / stored, part);
  if (pace->known[level].shrink < SHRINK_LEAST)
    for (unsigned i = 1; i < PACE_LEVELS; i++)
      if (is_known(pace, i))
        pace->known[i].shrink = SHRINK_ONE;
}

/* ---- choosing ---- */

/* B * S, see pace.h; in MiB so that the product fits. */
static uint64_t score(const struct pace *pace, unsigned level) {
  uint64_t rate = level ? pace->known[level].rate : RAW_RATE;
  uint64_t shrink = level ? pace->known[level].shrink : SHRINK_ONE;
  uint64_t device = (pace_device(pace) >> 10) * shrink / SHRINK_ONE;
  uint64_t coding = rate >> 10;
  return (coding < device ? coding : device) * shrink;
}

/* To a better level: one that takes less of the processor when it is as good,
 * one that takes more when it is better by a sixteenth. */
static void move(struct pace *pace) {
  unsigned from = pace->level;
  if (!is_known(pace, from))
    return;
  uint64_t now = score(pace, from), most = now;
  for (unsigned i = PACE_LEVELS; i-- > 0;) {
    uint64_t here = is_known(pace, i) ? score(pace, i) : 0;
    if (here < most || (i > from && here < now + now / 16))
      continue;
    most = here;
    pace->level = i;
  }
}

#define TRY_EVERY 16u

/* Whether this frame is to try a level: the first time soon. */
static bool is_time(const struct pace *pace, unsigned level, unsigned every) {
  return pace->frames % (is_known(pace, level) ? every : TRY_EVERY / 4) == 0;
}

unsigned pace_next(struct pace *pace) {
  if (pace->frames++ == 0)
    pace->level = FIRST;
  move(pace);
  unsigned level = pace->level, above = level + 1;
  if (level > 1 && is_time(pace, level - 1, 2 * TRY_EVERY))
    return level - 1;
  /* From storing as it is, beyond the fastest too: that may not be worth it. */
  if (level == 0 && is_time(pace, 2, 2 * TRY_EVERY))
    return 2;
  /* It costs more, but for the lowest. */
  if (above < PACE_LEVELS &&
      is_time(pace, above, level ? 4 * TRY_EVERY + 1 : TRY_EVERY))
    return above;
  return level;
}
