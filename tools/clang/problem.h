/* problem.h - why -fhwckpt cannot be done, for the one place that says it. */
#ifndef HWCKPT_CLANG_PROBLEM_H
#define HWCKPT_CLANG_PROBLEM_H

#include "runtime/error.h"

struct problem {
  enum hwckpt_code code; /* HWCKPT_E_NONE: there is none */
  const char *object;    /* a path, a name, a value */
  const char *detail;    /* what is said of it, or null */
};

#endif
