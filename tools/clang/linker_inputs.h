/* linker_inputs.h - whether a link takes code that needs the runtime. */
#ifndef HWCKPT_CLANG_LINKER_INPUTS_H
#define HWCKPT_CLANG_LINKER_INPUTS_H

#include "argument_list.h"

#include <stdbool.h>

/* True if one of the files is, or holds, an object that -fhwckpt instrumented,
 * and none brings a runtime of its own. What cannot be read or is no object or
 * archive does not count. */
bool linker_inputs_need_runtime(const struct argument_list *paths);

#endif
