/* interpose.h - what the functions have in common that executables bring in
 * place of libc's.
 */
#ifndef HWCKPT_INTERFACE_INTERPOSE_H
#define HWCKPT_INTERFACE_INTERPOSE_H

#include <signal.h>

/* The set, or a copy of it, without the signals that must not be blocked; null
 * when it is. */
const sigset_t *interpose_set(const sigset_t *set, sigset_t *copy)
    __attribute__((visibility("hidden")));

#endif
