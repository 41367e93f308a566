/* taking.h - one checkpoint, or one rollback: the program is asked, it is done,
 * and all who asked for it, or watch, hear what became of it. On the checkpoint
 * thread.
 */
#ifndef HWCKPT_INTERFACE_TAKING_H
#define HWCKPT_INTERFACE_TAKING_H

#include "../error.h"
#include "pending.h"

#include <stdbool.h>

enum taken {
  TAKEN,
  NOT_TAKEN,  /* said, and those who asked have been told */
  TAKE_AGAIN, /* once the program is rolled back, or cannot be, or what it has
               * disabled is enabled; or there is nothing to take any more */
};

/* A checkpoint that serves those, was begun then, and waits so long for a site;
 * 0: not; what comes meanwhile it serves too. `cut`: of REQUEST_TREE, 0: this
 * process asks. */
enum taken taking_take(struct pending *served, uint32_t cut, uint64_t begin,
                       uint64_t site_until);
/* There is none of the cut, for that reason, which its other processes are
 * told.
 */
void taking_decline_cut(const struct pending *served, uint32_t cut,
                        uint64_t begin, struct hwckpt_error *error);
/* As the former, where a section has kept the other processes of the cut
 * waiting for too long: there is none. */
void taking_refuse_cut(const struct pending *served, uint32_t cut,
                       uint64_t begin, uint64_t waited_ns);
/* What rollbacks.h has requested. */
void taking_back(uint64_t begin);
/* What loaded the restored program's memory, and knows what was written since,
 * is done: the runtime takes that over, unless it could not be opened. */
void taking_over(bool opened);
/* Nothing can be taken, and nobody rolled back, for that reason. */
void taking_refuse_all(const struct hwckpt_error *error, uint64_t begin);

/* Ends the process by that signal, as if it were not ours. */
void taking_end(int signal);

#endif
