/* loader_name.h - which dynamic loaders belong to a libc that the runtime is
 * not made for: a preloaded one ends their programs before they begin.
 *
 * Told by the name of the file (PT_INTERP of elf(5)), as each libc has its own:
 * what is glibc's has many names, where it was moved. */
#ifndef HWCKPT_INTERFACE_LOADER_NAME_H
#define HWCKPT_INTERFACE_LOADER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LOADER_NAME_MAX 256 /* longer ones are taken for glibc's */

static inline bool loader_is_foreign(const char *path) {
  static const char *const begins[] = {
      "ld-musl",                  /* musl */
      "ld64-uClibc", "ld-uClibc", /* uClibc and uClibc-ng */
      "linker64",                 /* bionic */
  };
  const char *name = path;
  for (const char *at = path; *at; at++)
    if (*at == '/')
      name = at + 1;
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
    if (strncmp(name, begins[i], strlen(begins[i])) == 0)
      return true;
  return false;
}

#endif
