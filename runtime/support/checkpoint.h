/* checkpoint.h - taking checkpoints: the checkpoint support module's face.
 *
 * One checkpoint thread calls everything here. Why a checkpoint is taken is not
 * known here but as a number for the record.
 */
#ifndef HWCKPT_SUPPORT_CHECKPOINT_H
#define HWCKPT_SUPPORT_CHECKPOINT_H

#include "dirty.h"
#include "partners.h"
#include "quiesce.h"
#include "records.pb.h"
#include "rollback.h"
#include "unused.h"

#include "../cache/cache.h"

/* How memory is captured. */
enum checkpoint_method {
  CHECKPOINT_AUTO,    /* as measured */
  CHECKPOINT_STOP,    /* all while the program stands still */
  CHECKPOINT_PRECOPY, /* in rounds before, then the rest */
  CHECKPOINT_COW,     /* by a copy-on-write child */
};

struct checkpoint_options {
  const char *cache;       /* directory */
  const char *application; /* its name in the cache; "": made from the program's
                              when the first checkpoint is taken */
  bool application_exists; /* a restored program: its name is taken as it is */
  uint64_t generation;     /* and the one it comes back from; 0: none */
  int tracking; /* descriptor by which memory is tracked since it was as in
                   that; -1: none. It is taken over. */
  enum dirty_method track;
  enum checkpoint_method method;
  enum unused_kinds unused;
  bool undo;              /* what files held before they were changed is kept */
  enum file_policy files; /* in a rollback */
  uint64_t undo_most;     /* so many bytes of it; 0: all */
  uint64_t mapped_most;   /* and so many in each stop of shared mappings */
  bool go_on; /* without what is not supported, instead of failing */
  int level;  /* zstd; 0: raw */
  unsigned
      base_every; /* generations from base to base; 0: merging makes them */
  unsigned extra_reads; /* percent; see cache_merge() */
  struct cache_retention retention;
  bool huge;         /* huge pages for large anonymous memory */
  size_t ring_bytes; /* memory that holds pages until they are written */
};

/* In the program, before its own code: notes what it was started with. */
void checkpoint_remember(void);

/* A filter of system calls was installed that is not the program's. */
void checkpoint_own_filter(void);
/* Whether it was started under any. */
bool checkpoint_began_filtered(void);

/* Whether filters of the program's own let its threads stop, and the runtime's
 * work. On any thread. */
int checkpoint_may_stop(struct hwckpt_error *error);
/* There are such filters, and threads that are made may be under them; undo
 * logs are kept where the filters let the program's threads. */
bool checkpoint_is_filtered(void);

/* Opens the cache and what finds written pages. On the checkpoint thread,
 * before the first checkpoint; after a failure again, with the same options. */
int checkpoint_open(const struct checkpoint_options *options,
                    struct hwckpt_error *error);

/* Memory that the program is about to register with a userfaultfd of its own is
 * not tracked any more; false: another userfaultfd has some of it. Between
 * checkpoints. */
bool checkpoint_let_go(uint64_t begin, uint64_t end);

/* Whether memory of a program that was restored while it runs is still watched
 * by what loads it; whether all of it is there; and takes the next piece of it
 * over (handover.h), false: the watch is ended. Hooks null: nothing was opened,
 * and nothing is known of what was written meanwhile. A checkpoint, or a
 * rollback, waits for all that and does it itself. */
bool checkpoint_is_loading(void);
bool checkpoint_is_to_take_over(void);
bool checkpoint_take_over(const struct quiesce_hooks *hooks);

struct checkpoint_result {
  struct cache_generation generation;
  Statistics statistics;
};

/* Bytes of what is said of the cause of an event. */
#define CHECKPOINT_CAUSE sizeof((Statistics *)0)->cause

/* Processor time that the runtime's threads took for the last checkpoint. */
uint64_t checkpoint_cpu_ns(void);

/* Whether the next checkpoint holds everything, unless it fails before. */
bool checkpoint_next_is_base(void);

/* Why a checkpoint is taken, for the record. */
struct checkpoint_reason {
  Event event;          /* that came first */
  uint32_t events;      /* bit per Event: all that it serves */
  const char *cause;    /* of the first, for people */
  uint64_t interval_ns; /* of the timer, 0: none */
  /* By how much that was exceeded, as the one before was still written. */
  uint64_t delayed_ns;
  const struct partners *partners; /* null: none */
  bool go_on; /* without processes that cannot be part of it */
};

/* Takes a checkpoint. Threads that wait in a save are given their result by the
 * caller: quiesce_finish_saves() after success, quiesce_fail_saves() else. 1:
 * it was not taken, because a thread waits to be rolled back, or the partners
 * say so. */
int checkpoint_take(const struct checkpoint_reason *reason,
                    const struct quiesce_hooks *hooks,
                    struct checkpoint_result *result,
                    struct hwckpt_error *error);

/* The turn among the applications of the cache (cache_turn_take()); one that is
 * not open yet has it. */
bool checkpoint_turn_take(void);
void checkpoint_turn_end(void);

/* After one that succeeded: merges generations when that is due, and removes
 * what retention does not keep. go_on is asked between pieces of the work, and
 * may sleep; when it returns false there is little more. CACHE_BUSY: the next
 * time. */
int checkpoint_tidy(bool (*go_on)(void *context), void *context,
                    struct cache_merge_result *merged,
                    struct hwckpt_error *error);

/* Rolls the program back to the newest checkpoint; the threads go on there. On
 * failure nothing is changed, and threads wait for quiesce_fail_loads(). E109:
 * there is none. */
int checkpoint_roll_back(const struct quiesce_hooks *hooks,
                         struct rollback_result *result,
                         struct hwckpt_error *error);
/* Its application and number. */
const char *checkpoint_newest(uint64_t *number);

/* In the restored program: nothing of before is open. */
void checkpoint_forget(void);

#endif
