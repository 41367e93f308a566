/* real_compiler.h - the compiler that this program becomes. */
#ifndef HWCKPT_CLANG_REAL_COMPILER_H
#define HWCKPT_CLANG_REAL_COMPILER_H

#include "problem.h"
#include "program_name.h"

struct real_compiler {
  const char *path; /* what is executed */
  const char *name; /* what it is told it is called by: its folder, our name */
  unsigned llvm;    /* LLVM's major version; 0: not known without asking */
};

/* The one that name stands for: what HWCKPT_REAL_CLANG (for Fortran
 * HWCKPT_REAL_FLANG) names, or the one of the name's version. */
struct problem real_compiler_find(const struct program_name *name,
                                  struct real_compiler *compiler);

/* Its major version; runs it if nothing else tells, 0 if that does not either.
 */
unsigned real_compiler_llvm(const struct real_compiler *compiler);

/* True for the versions hwckpt was built for. */
bool real_compiler_is_known(unsigned llvm);

/* Them as text: "19 and 22". */
const char *real_compiler_versions(void);

#endif
