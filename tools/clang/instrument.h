/* instrument.h - what -fhwckpt adds to a clang command line. */
#ifndef HWCKPT_CLANG_INSTRUMENT_H
#define HWCKPT_CLANG_INSTRUMENT_H

#include "argument_list.h"
#include "invocation.h"
#include "problem.h"
#include "real_compiler.h"

/* Makes *result of arguments (the first is the program's name) and what
 * invocation needs of hwckpt's files below root, to be given to compiler. */
struct problem instrument(const struct invocation *invocation,
                          const struct argument_list *arguments,
                          const struct real_compiler *compiler,
                          const char *root, struct argument_list *result);

#endif
