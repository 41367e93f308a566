/* resume.h - the program's side of a restore. */
#ifndef HWCKPT_SUPPORT_RESUME_H
#define HWCKPT_SUPPORT_RESUME_H

#include "resume_abi.h"

/* The entry the Process record names: rebuilds kernel objects and threads, and
 * lets every thread go on at its frame. Does not return. */
void resume(const struct resume_info *info);

#endif
