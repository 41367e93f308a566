/* advice.h - a command to go on with, written so that a shell takes it. */
#ifndef HWCKPT_ADVICE_H
#define HWCKPT_ADVICE_H

#include <stddef.h>

#define ADVICE_MAX 40000 /* bytes: of three values, each quoted */

/* The `hwckpt restore` of an application or generation, with what it needs to
 * be found and read: the cache and where the key is, unless it finds these
 * without. For report_note(), which writes control characters. Returns text. */
char *advice_restore(char *text, size_t size, const char *cache,
                     const char *which);

#endif
