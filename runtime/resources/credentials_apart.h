/* credentials_apart.h - whether threads of the program may have users, groups
 * or capabilities of their own. The kernel has them for each thread, libc's
 * functions set them for all, but for those that are interposed
 * (interface/interpose.c), which set this. */
#ifndef HWCKPT_RESOURCES_CREDENTIALS_APART_H
#define HWCKPT_RESOURCES_CREDENTIALS_APART_H

#include <stdbool.h>

/* Once it is so, it stays so. Any thread. */
extern bool __hwckpt_credentials_apart;

#endif
