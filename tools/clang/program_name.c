/* program_name.c - what a compiler is told by the name it is called by.
 *
 * [TARGET-]KIND[-VERSION], as clang reads its own. A version counts only behind
 * a kind that is known: other names (c++17) may end in any number.
 */
#include "program_name.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *text;
  bool fortran, preprocessor;
} kinds[] = {
    {"clang", false, false},    {"clang++", false, false},
    {"clang-cpp", false, true}, {"flang", true, false},
    {"flang-new", true, false},
};

/* The length without a "-VERSION" at the end. */
static size_t stem_length(const char *name) {
  size_t length = strlen(name), version = length;
  while (version > 0 && strchr("0123456789.", name[version - 1]))
    version--;
  bool has_version =
      version < length && version > 0 && name[version - 1] == '-';
  return has_version ? version - 1 : length;
}

struct program_name program_name_read(const char *path) {
  const char *slash = strrchr(path, '/');
  struct program_name result = {.text = slash ? slash + 1 : path};
  size_t stem = stem_length(result.text);
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    size_t length = strlen(kinds[i].text);
    if (stem < length ||
        strncmp(result.text + stem - length, kinds[i].text, length) != 0)
      continue;
    result.fortran = kinds[i].fortran;
    result.preprocessor = kinds[i].preprocessor;
    if (result.text[stem])
      result.llvm = (unsigned)strtoul(result.text + stem + 1, NULL, 10);
  }
  return result;
}
