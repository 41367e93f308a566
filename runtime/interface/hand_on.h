/* hand_on.h - the runtime is handed on to a program that is executed.
 *
 * A preloaded runtime has left LD_PRELOAD when the program began (start.c), and
 * is put back into the environment of what is executed. Not where the new
 * program has a runtime linked in, or no dynamic linker that could load one.
 */
#ifndef HWCKPT_INTERFACE_HAND_ON_H
#define HWCKPT_INTERFACE_HAND_ON_H

#include "exec.h"

#include <stdbool.h>
#include <stddef.h>

enum program {
  PROGRAM_UNKNOWN, /* nothing that could be executed, most likely */
  PROGRAM_WITHOUT, /* a runtime, and without a way to get one */
  PROGRAM_LOADS,   /* a preloaded one */
  PROGRAM_HAS      /* its own */
};

/* What runtime the program in a file will have; of a script, its interpreter.
 * The file as execveat(2) names it. */
enum program hand_on_look(int folder, const char *path, int flags);

/* Whether it gets rights that the caller has not, so that nothing is preloaded;
 * as the mode of the file tells. */
bool hand_on_is_raised(int folder, const char *path, int flags);

/* Where programs are looked for: PATH, or what libc takes without one. */
const char *hand_on_folders(void);

/* Makes of the first of the folders, which it takes away, the path of a file of
 * that name; room for both and 2 more bytes. False: there is none left. */
bool hand_on_next(const char **folders, const char *name, char *path);

/* Entries of a list that ends with a null pointer, or is null. */
size_t hand_on_count(char *const list[]);

/* What else the environment has preloaded; "" if nothing. */
const char *hand_on_others(char *const environment[]);

/* Bytes that hand_on() needs at most. */
size_t hand_on_size(const struct hwckpt_successor *we,
                    char *const environment[]);

/* The environment with our options, and with the runtime preloaded if that is
 * wanted, made in room, which is aligned for pointers. Entries are those of the
 * environment, which may be null. */
char *const *hand_on(const struct hwckpt_successor *we,
                     char *const environment[], bool preload, void *room);

#endif
