/* apart.h - processes of the tool that are none of the program's.
 *
 * A program sees without asking whether it is alone: it looks at the children
 * of the tool's first thread, who adopts what the program leaves behind
 * (cut_is_alone() of the runtime). So what else the tool has made is a child of
 * another thread, which does nothing but stay. */
#ifndef HWCKPT_APART_H
#define HWCKPT_APART_H

#include <stdbool.h>
#include <sys/types.h>

/* Makes the process, in which run(context) is called with all signals blocked;
 * when that comes back it ends. It is waited for as any child. is_needed tells
 * the ids that neither the process nor the thread may have; null: they may have
 * any. Its id, or a negative errno. */
pid_t apart_make(void (*run)(void *context), void *context,
                 bool (*is_needed)(pid_t id));

#endif
