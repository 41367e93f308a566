/* program_name.h - what a compiler is told by the name it is called by. */
#ifndef HWCKPT_CLANG_PROGRAM_NAME_H
#define HWCKPT_CLANG_PROGRAM_NAME_H

#include <stdbool.h>

struct program_name {
  const char *text;  /* the last component of the path */
  bool fortran;      /* flang, not clang */
  bool preprocessor; /* clang-cpp */
  unsigned llvm;     /* major version in the name; 0: it has none */
};

/* The name in path, which must live as long as the result. */
struct program_name program_name_read(const char *path);

#endif
