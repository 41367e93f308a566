/* show_regions.h - `hwckpt show` of a generation that holds named regions. */
#ifndef HWCKPT_SHOW_REGIONS_H
#define HWCKPT_SHOW_REGIONS_H

#include "generation.h"

void show_regions(const struct generation *generation, const char *cache,
                  bool use_json);

#endif
