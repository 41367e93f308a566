/* default_path.h - where the checkpoint cache is when nobody says. The single
 * rule, shared by the tools and the runtime. */
#ifndef HWCKPT_CACHE_DEFAULT_PATH_H
#define HWCKPT_CACHE_DEFAULT_PATH_H

#include <stddef.h>

/* Writes the path of the user's own cache, by the first of these that environ
 * (null-terminated, "NAME=value") has: $HWCKPT_CACHE, $XDG_STATE_HOME/hwckpt,
 * $HOME/.local/state/hwckpt. An empty variable counts as not set, and, as the
 * XDG Base Directory Specification asks, a relative $XDG_STATE_HOME too.
 * Returns 0, -HWCKPT_E_CACHE_MISSING when none is set, or -HWCKPT_E_CACHE_NAME
 * when the path does not fit; buffer then holds "". Async-signal-safe. */
int cache_default_path(char *const *environ, char *buffer, size_t size);

#endif
