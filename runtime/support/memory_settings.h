/* memory_settings.h - what madvise(2) and mlock(2) set for memory.
 *
 * Only /proc/self/smaps tells, which takes as long as a look at every page: it
 * is read while the program runs, and for a delta only where there is little
 * memory or something set. */
#ifndef HWCKPT_SUPPORT_MEMORY_SETTINGS_H
#define HWCKPT_SUPPORT_MEMORY_SETTINGS_H

#include "stage.h"

#include <stdbool.h>
#include <stdint.h>

/* In place of an advice. */
#define SET_LOCKED (-1)
#define SET_LOCKED_ON_FAULT (-2)

struct memory_settings {
  struct memory_setting {
    uint64_t start, end;
    uint32_t settings;
  } *list; /* private memory */
  size_t count;
  uint64_t read_ns; /* how long the last reading took */
};

int memory_settings_open(struct memory_settings *settings,
                         struct hwckpt_error *error);
/* On the checkpoint thread, before the stop. */
void memory_settings_read(struct memory_settings *settings, bool base);
int memory_settings_put(const struct memory_settings *settings,
                        struct stage *stage, struct hwckpt_error *error);

#endif
