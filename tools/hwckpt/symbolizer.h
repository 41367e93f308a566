/* symbolizer.h - names for addresses in a program's file: function by its
 * symbol table, file and line by its debug information, both also from a
 * separate file of debug information on this machine (build-id,
 * .gnu_debuglink). */
#ifndef HWCKPT_SYMBOLIZER_H
#define HWCKPT_SYMBOLIZER_H

#include <stdint.h>

struct symbolizer;

/* Opens path. Null when nothing can be told about it: every name is unknown
 * then. The caller ends it with symbolizer_close(). */
struct symbolizer *symbolizer_open(const char *path);
void symbolizer_close(struct symbolizer *symbolizer);

/* What stands at an address; what is unknown is null or 0. The strings live
 * until the next call. */
struct place {
  const char *function; /* as in the source: demangled */
  const char *symbol;   /* as in the symbol table */
  const char *file;
  int line;
};

/* Symbolizer may be null. */
struct place symbolizer_find(struct symbolizer *symbolizer, uint64_t address);

#endif
