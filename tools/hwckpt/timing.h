/* timing.h - how long a restore took, for who measures (restore --timing) or
 * looks on (-v). Nanoseconds count from the tool's begin. */
#ifndef HWCKPT_TIMING_H
#define HWCKPT_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct timing_process {
  pid_t pid; /* as in the program */
  const char *generation;
  uint64_t running_ns;
};

struct timing {
  const char *generation;
  bool lazy;
  uint64_t running_ns, complete_ns;
  const struct timing_process *processes; /* of a tree */
  size_t count;                           /* 0: one process alone */
};

/* One line of JSON into the file; that it cannot be written is said. Nothing
 * with path null. */
void timing_write(const char *path, const struct timing *timing);

/* That it runs again: each process of a tree, and all. */
void timing_say(const struct timing *timing);

#endif
