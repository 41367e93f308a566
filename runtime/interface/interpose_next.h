/* interpose_next.h - functions in the place of libc's that call libc's, which
 * the dynamic linker finds. */
#ifndef HWCKPT_INTERFACE_INTERPOSE_NEXT_H
#define HWCKPT_INTERFACE_INTERPOSE_NEXT_H

#include <dlfcn.h>
#include <errno.h>

/* Defines `own`, which calls libc's `name` between the two statements; -1 and
 * ENOSYS where there is none. */
#define PASSED_ON(linkage, own, name, parameters, arguments, before, after)    \
  linkage int own parameters {                                                 \
    static int(*libcs) parameters;                                             \
    if (!libcs)                                                                \
      libcs = (int(*) parameters)dlsym(RTLD_NEXT, #name);                      \
    if (!libcs) {                                                              \
      errno = ENOSYS;                                                          \
      return -1;                                                               \
    }                                                                          \
    before;                                                                    \
    int result = libcs arguments;                                              \
    after;                                                                     \
    return result;                                                             \
  }

#endif
