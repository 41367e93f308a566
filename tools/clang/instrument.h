/* instrument.h - what -fhwckpt adds to a clang command line. */
#ifndef HWCKPT_CLANG_INSTRUMENT_H
#define HWCKPT_CLANG_INSTRUMENT_H

#include "argument_list.h"
#include "invocation.h"

/* Makes *result of arguments (the first is the program's name) and what
 * invocation needs of hwckpt's files below root. Returns null, or the path of a
 * file that is missing. */
const char *instrument(const struct invocation *invocation,
                       const struct argument_list *arguments, const char *root,
                       struct argument_list *result);

#endif
