/* memory_settings.h - what madvise(2), mlock(2), mseal(2) and mbind(2) set for
 * memory.
 *
 * Only /proc/self/smaps tells, which takes as long as a look at every page: it
 * is read while the program runs, and for a delta only where there is little
 * memory, libc's madvise() was called since, or memory that had something set
 * has changed. */
#ifndef HWCKPT_SUPPORT_MEMORY_SETTINGS_H
#define HWCKPT_SUPPORT_MEMORY_SETTINGS_H

#include "dirty.h"
#include "memory_map.h"
#include "stage.h"

#include <stdbool.h>
#include <stdint.h>

#include "records.pb.h"

/* In place of an advice. */
#define SET_LOCKED (-1)
#define SET_LOCKED_ON_FAULT (-2)
#define SET_SEALED (-3)
/* Of MemorySetting.settings: no setting, but guard pages (guards.h). */
#define MEMORY_GUARDED 256u

struct memory_settings {
  struct memory_setting {
    uint64_t start, end;
    uint32_t settings;
    uint32_t policy; /* on which of these nodes it is; 0: wherever */
    uint8_t nodes[sizeof(((MemorySetting *)0)->nodes.bytes)];
  } *list; /* private memory */
  size_t count;
  uint64_t read_ns;   /* how long the last reading took */
  uint64_t newcomers; /* of dirty, when it was read */
};

int memory_settings_open(struct memory_settings *settings,
                         struct hwckpt_error *error);
/* On the checkpoint thread, before the stop. `map`: of just now, or null. */
void memory_settings_read(struct memory_settings *settings,
                          const struct dirty *dirty,
                          const struct memory_map *map, bool base);
/* Whether the program keeps memory from its children, or did once. */
bool memory_settings_keep(const struct memory_settings *settings);
/* For interpose.c, when the program gives an advice that may be one of them.
 * Thread safe and async-signal-safe. */
void __hwckpt_memory_advised(int advice);
int memory_settings_put(const struct memory_settings *settings,
                        struct stage *stage, struct hwckpt_error *error);

#endif
