/* instrument.h - what -fhwckpt adds to a clang command line. */
#ifndef HWCKPT_CLANG_INSTRUMENT_H
#define HWCKPT_CLANG_INSTRUMENT_H

#include "argument_list.h"
#include "invocation.h"

#include "runtime/error.h"

/* Makes *result of arguments (the first is the program's name) and what
 * invocation needs of hwckpt's files below root. Returns HWCKPT_E_NONE, or what
 * is missing, and in *missing its path. */
enum hwckpt_code instrument(const struct invocation *invocation,
                            const struct argument_list *arguments,
                            const char *root, struct argument_list *result,
                            const char **missing);

#endif
