/* watched_paths.h - the paths of what the program watches by inotify(7), for
 * the kernel tells them to the privileged only. */
#ifndef HWCKPT_RESOURCES_WATCHED_PATHS_H
#define HWCKPT_RESOURCES_WATCHED_PATHS_H

#include <stdint.h>

/* For interpose.c, when the program watches the path; the mask is that of
 * inotify_add_watch(2). Thread safe and async-signal-safe. */
void __hwckpt_path_watched(const char *path, uint32_t mask);

/* The absolute path that the file had when it was watched; null: not known. It
 * lives as long as the program. */
const char *watched_path(uint64_t device, uint64_t inode);

#endif
