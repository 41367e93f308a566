/* plan.h - what `hwckpt restore` tells the restorer, and what comes back.
 *
 * The tool resolves and checks (generation, program, libraries, files, process
 * id), makes the process with the right id, and in it executes the restorer
 * with one argument, the number of a descriptor (a memfd) that holds a struct
 * restore_plan, and behind it a struct cache_range for each of the program's
 * areas, ascending, and then a struct restore_memory for each memory that other
 * processes of the tree have too. The restorer becomes the program.
 */
#ifndef HWCKPT_RESTORER_PLAN_H
#define HWCKPT_RESTORER_PLAN_H

#include "../../runtime/error.h"

#include <stdbool.h>
#include <stdint.h>

#define RESTORE_PLAN_MAGIC 0x4e414c5054504b43ull /* "CKPTPLAN" */

enum restore_lazy {
  RESTORE_AT_ONCE,       /* all is read before the program runs */
  RESTORE_LAZILY,        /* memory is loaded while it does */
  RESTORE_LAZILY_TRACKED /* and what it writes meanwhile is known */
};

struct restore_plan {
  uint64_t magic;
  uint32_t size;  /* sizeof(struct restore_plan) */
  uint32_t areas; /* ranges behind it */
  uint64_t generation;
  char cache[4096];      /* absolute path */
  char application[192]; /* of a process of a tree, with its part */
  char name[128];     /* of the application that the program is from now on, ""
                         for that one */
  char options[2048]; /* HWCKPT_OPTIONS text that overrides, "" for none */
  int32_t status_fd;  /* socket to the tool: struct restore_status goes out,
                         struct restore_go comes in */
  uint32_t keep_ids;  /* the process has its old pid: tids must fit too */
  uint64_t start_ns;  /* CLOCK_MONOTONIC when the tool began */
  uint32_t threads;   /* that read; 0: four a processor */
  uint32_t lazy;      /* enum restore_lazy */
  uint32_t in_tree;   /* one process of several (docs/trees.md) */
  uint32_t memories;  /* behind the ranges */
  uint32_t has_key;   /* what is read is encrypted */
  uint32_t other_kernel; /* its vdso is another: redirect.h */
  uint8_t key[32];
};

/* Memory of several processes, made for all of them. */
struct restore_memory {
  uint64_t device, inode; /* at the checkpoint */
  int32_t descriptor;
  uint32_t unused;
};
#define RESTORE_MEMORIES 256u

/* Messages on a socket, from the restorer, from the resume code in the restored
 * program, which closes it when the program runs, and from the loader. No
 * RUNNING before the end of all messages: the restore failed. After LAZY,
 * neither COMPLETE nor ENDED: loading failed, and the program must not go on.
 */
enum restore_status_kind {
  RESTORE_WARNING = 1,  /* error holds what is not as it was; restore goes on */
  RESTORE_FAILED = 2,   /* error holds why; the process ends */
  RESTORE_RUNNING = 3,  /* the threads go on now; ns is filled */
  RESTORE_LAZY = 4,     /* with a userfaultfd of the program beside it */
  RESTORE_COMPLETE = 5, /* all memory is there; ns is filled */
  RESTORE_ENDED = 6,    /* the program ended before that */
  RESTORE_TRACKED = 8,  /* with a userfaultfd by which written memory is tracked
                           beside it: goes back with the answer to the next */
  RESTORE_ROLL_BACK = 7, /* all that does not depend on files stands ready: the
                            tool takes back what was changed in files, and
                            answers with a second struct restore_go */
  /* Of a tree of processes; `ns` holds a key. */
  RESTORE_GIVE = 9,   /* an open descriptor beside it, for who takes the key */
  RESTORE_TAKE = 10,  /* answered by a struct restore_go with that beside it,
                         when somebody has given it */
  RESTORE_READY = 11, /* nothing is left that could fail; answered when that is
                         so of all of them */
};

/* From the tool, once the restore is counted, and once files are rolled back.
 */
struct restore_go {
  uint32_t restores; /* n: this generation is restored the n-th time; 0: it
                        could not be counted, and the program must not go on */
};
/* In the answer to RESTORE_READY: a signal had stopped the process. */
#define RESTORE_GO_STOPPED 2u

/* Whether an area is loaded while the program runs. What the runtime itself
 * needs at once, and files, are not worth it or not possible. */
#define RESTORE_LAZY_MIN ((uint64_t)4 << 20)
static inline bool restore_is_lazy(bool anonymous, bool grows_down,
                                   uint64_t size) {
  return anonymous && !grows_down && size >= RESTORE_LAZY_MIN;
}

/* linux/userfaultfd.h: events of fork, mremap, of memory dropped and unmapped.
 */
#define RESTORE_LAZY_FEATURES                                                  \
  (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |                        \
   UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

/* With these the kernel takes the protection of a page that is copied protected
 * away at its first write. */
#define RESTORE_TRACKED_FEATURES                                               \
  (RESTORE_LAZY_FEATURES | RESTORE_WP_UNPOPULATED | RESTORE_WP_ASYNC)
#define RESTORE_WP_UNPOPULATED (1ull << 13) /* Linux 6.4 */
#define RESTORE_WP_ASYNC (1ull << 15)       /* Linux 6.7 */

/* Where the system call is not allowed, by a filter for one. */
#define RESTORE_LAZY_DEVICE "/dev/userfaultfd"

/* At Process.gate: two pages; see runtime/support/loaded.c. */
#define RESTORE_GATE_SIZE 8192u

/* Where the watch is tracked, the runtime asks by touching the first page for
 * memory to be watched no more; in the second stands which. Empty: all of it,
 * and there is no answer. */
#define RESTORE_GATE_ASKED 4160u /* bytes into the gate */
struct restore_asked {
  uint64_t begin, end;
};
/* The answer, in the first page: where memory is now that was moved since the
 * restore. The pages there are not those that the generation has there. */
#define RESTORE_MOVED_MAGIC 0x4445564f4d504b43ull /* "CKPMOVED" */
#define RESTORE_MOVED_MAX 255u
struct restore_moved {
  uint64_t magic;
  uint64_t count; /* above RESTORE_MOVED_MAX: too many, all may have moved */
  struct restore_asked ranges[RESTORE_MOVED_MAX];
};

struct restore_status {
  uint32_t kind;
  uint64_t ns; /* CLOCK_MONOTONIC */
  struct hwckpt_error error;
};

#endif
