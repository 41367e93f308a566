/* memory_io.h - a cache_io over files in memory, for fuzzing: two directories,
 * the cache and one application in it, and as many files as a test makes.
 *
 * Invariant: nothing of it reaches the kernel, so that thousands of images a
 * second can be tried and an image cannot touch anything outside.
 */
#ifndef HWCKPT_TEST_MEMORY_IO_H
#define HWCKPT_TEST_MEMORY_IO_H

#include "runtime/cache/cache.h"

#define MEMORY_CACHE "cache" /* path to open */
#define MEMORY_APPLICATION "program"

extern const struct cache_env memory_env;

/* Forgets all files. */
void memory_reset(void);

/* Makes or replaces a file in the application's directory, or in the cache's
 * own one. */
void memory_put(bool in_application, const char *name, const void *bytes,
                size_t length);

/* The bytes of a file; null when there is none. */
const unsigned char *memory_get(bool in_application, const char *name,
                                size_t *length);

/* A cache with a whole marker, opened. */
struct cache *memory_cache(void);

#endif
