/* cow_child.h - a child process that copies pages from its copy-on-write view
 * of the program, while the program runs on.
 *
 * For what would take longer to copy than the program may stand still. The
 * child has no exit signal: the program's wait() does not see it, unless it
 * asks for such children (__WALL, __WCLONE).
 */
#ifndef HWCKPT_SUPPORT_COW_CHILD_H
#define HWCKPT_SUPPORT_COW_CHILD_H

#include "capture.h"

/* Makes the child, the program standing still; it copies the runs into the
 * ring. The pid, or a negative errno: nothing has happened then. */
long cow_child_start(const struct capture *capture,
                     const struct memory_map *map, const struct runs *runs);

/* Waits for its end: false when it has not copied everything, because it was
 * killed, or because the program keeps memory from its children. */
bool cow_child_wait(struct capture *capture, long pid);

#endif
