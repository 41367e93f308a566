/* loader.h - the process that fills a restored program's memory while the
 * program runs: it serves what the program waits for first, and fetches the
 * rest in the order of the plan, the pages that were written last before older
 * ones.
 *
 * It is a process of its own so that memory arrives whatever becomes of the
 * tool; both hold the userfaultfd, so that the death of one never lets the
 * program see memory as empty that is not. It reports on the status socket
 * (tools/restorer/plan.h), and ends when every address space is complete. */
#ifndef HWCKPT_LOADER_H
#define HWCKPT_LOADER_H

#include "generation.h"

#include <sys/types.h>

struct loading {
  const struct generation *generation; /* null: nothing is to be loaded so */
  pid_t program;
  int uffd;                /* the program's */
  int lock;                /* the tool's, not for the loader to hold */
  int status;              /* socket, RESTORE_COMPLETE and failures go there */
  struct cache_range gate; /* pages that stay away until the end */
  bool tracked; /* the program says when the watch is to end (loaded.h) */
};

/* Makes the process; its id, or a negative errno. The program's own ids stay
 * free. */
pid_t loader_start(struct loading *loading);

#endif
