/* options_text.h - texts of HWCKPT_OPTIONS: "name=value:name='a b'", where the
 * last of a name counts. The runtime's parser is sanitizer_common's; this is
 * what the tool needs to merge such texts and to refuse a mistake before the
 * program starts. */
#ifndef HWCKPT_OPTIONS_TEXT_H
#define HWCKPT_OPTIONS_TEXT_H

#include "runtime/error.h"

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_TEXT_MAX 8192

/* Finds the value of name in text (null: empty); false when it is not there or
 * does not fit. */
bool options_find(const char *text, const char *name, char *value, size_t size);

/* Checks that text is well formed and that the values of the options in
 * options.def are of their kind. Names not in there may belong to
 * sanitizer_common and pass. Fails with HWCKPT_E_OPTION. */
int options_check(const char *text, struct hwckpt_error *error);

/* Appends more (null or "": nothing) to text, which has OPTIONS_TEXT_MAX bytes.
 * Fails with HWCKPT_E_OPTION when it does not fit. */
int options_append(char *text, const char *more, struct hwckpt_error *error);

/* Appends name=value, quoted where it must be. */
int options_set(char *text, const char *name, const char *value,
                struct hwckpt_error *error);

#endif
