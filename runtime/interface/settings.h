/* settings.h - what this process is checkpointed by: its options, and where its
 * generations are. They are set once, before anything is asked for.
 */
#ifndef HWCKPT_INTERFACE_SETTINGS_H
#define HWCKPT_INTERFACE_SETTINGS_H

#include "../sanitizer/face.h"
#include "../support/regions.h"

#include <stdbool.h>
#include <stdint.h>

extern struct settings {
  struct hwckpt_options options;
  char begun_in[4096]; /* the working directory that the program began in */
  char cache[4096];
  char application[CACHE_NAME_MAX];
  uint64_t generation; /* that the program comes back from, 0: none */
  int tracking; /* descriptor of the checkpoint thread: tracks memory since
                 * then, or -1 */
} settings;

/* Remembers where the program begins. */
void settings_begin(void);
/* A path that the user gave is from where the program began: it is wanted when
 * the program may be elsewhere, and the runtime's threads are in "/". Empty
 * when it is too long. */
void settings_path(const char *given, char *path, size_t size);
/* Whether sites trap at all times. */
bool settings_always_armed(void);
/* What the program changes in files is kept: rollback, and its old name. */
bool settings_take_back(void);

/* On the checkpoint thread: begins its checkpoints. */
int settings_open_checkpoints(struct hwckpt_error *error);
/* Where a set of regions is stored; `application` gets its name. */
void settings_region_store(struct region_store *store, const char *set,
                           char application[CACHE_NAME_MAX]);

#endif
