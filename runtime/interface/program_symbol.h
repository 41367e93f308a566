/* program_symbol.h - where a variable of the program's file is in memory. */
#ifndef HWCKPT_INTERFACE_PROGRAM_SYMBOL_H
#define HWCKPT_INTERFACE_PROGRAM_SYMBOL_H

#include <stdint.h>

/* By the symbols of /proc/self/exe: its address now, and its length in bytes. A
 * global one goes before those of single files. 0 or a negative errno: -ENOENT,
 * there is none; -ENOTUNIQ, several files have one; -EINVAL, it is
 * thread-local, no variable, or without a length. On a thread of the runtime;
 * no libc. */
int program_symbol(const char *name, uint64_t *address, uint64_t *length);

#endif
