/* duration.h - durations as the user writes them: 500us, 20ms, 1s, 1.5s, 5m,
 * 1h; a bare number is seconds (runtime/interface/options.def). */
#ifndef HWCKPT_DURATION_H
#define HWCKPT_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the whole of text as nanoseconds; false when it is no duration or does
 * not fit. Digits finer than a nanosecond are cut. */
bool duration_parse(const char *text, uint64_t *ns);

#endif
