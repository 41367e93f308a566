/* checkpoint_state.h - what the files of a checkpoint share: the one that is
 * taken, and what is known from those before.
 *
 * checkpoint.c takes it from the stop to the commit, checkpoint_program.c knows
 * what is checkpointed and under which name, checkpoint_rounds.c copies before
 * the stop, checkpoint_tidy.c merges and removes afterwards. All of it is on
 * the checkpoint thread.
 */
#ifndef HWCKPT_SUPPORT_CHECKPOINT_STATE_H
#define HWCKPT_SUPPORT_CHECKPOINT_STATE_H

#include "../resources/resource.h"
#include "capture.h"
#include "checkpoint.h"
#include "dirty.h"
#include "guards.h"
#include "mapped_files.h"
#include "memory_map.h"
#include "memory_settings.h"
#include "partners.h"
#include "precopy.h"
#include "registered.h"
#include "rest.h"
#include "ring.h"
#include "stage.h"

#define UNKNOWN_PAGES UINT64_MAX /* perhaps many */

struct checkpoint_state {
  struct checkpoint_options options;
  size_t opened;       /* parts of what checkpoint_open() opens */
  bool tracking_given; /* the descriptor of the options is taken over */
  struct cache *cache;
  struct dirty dirty;
  struct memory_map map;
  struct mapped_files mapped;
  struct memory_settings settings;
  struct guards guards;
  struct registered registered;
  struct ring ring;
  struct capture capture;
  struct rest rest;
  struct stage stage; /* the records of kernel objects */
  struct stage head;  /* the records before and after those */
  struct resource_sink sink;
  int looked_at;               /* thread that stands for the program */
  struct thread_fact *threads; /* QUIESCE_THREADS_MAX, for the sink */
  uint64_t newest; /* last generation committed here, on which a delta may be
                    * built; 0: none */
  uint64_t target; /* newest generation of this program, 0: none */
  bool tracked;    /* what was written since the target is known */
  bool inherited;  /* newest is what the program comes back from */
  bool damaged;    /* what was written before: the next refers to none of it */
  unsigned uncounted; /* rollbacks to it that could not be counted */
  unsigned deltas;    /* since the base */
  uint64_t captured;  /* pages, last time */
  struct precopy_worth worth;
  struct precopy precopy; /* of the generation that is being taken */
  bool little;            /* is expected to be captured in the stop */
  uint64_t cpu_ns;        /* of our threads, last time */
  uint64_t write_ns;      /* from its begin until it was durable, last time */
  bool scanned;           /* for the generation that is being taken */
  char application[CACHE_NAME_MAX];
  bool named;
  bool warned;
  const struct partners *partners; /* of the one that is taken; null: alone */
  bool begun;                      /* and they know of it */
};

extern struct checkpoint_state checkpoint __attribute__((visibility("hidden")));

/* ---- checkpoint_program.c ---- */

/* The thread that stands for the program, while its threads run. */
void checkpoint_look_at_program(void);
/* The same once that thread is known. */
void checkpoint_look_at(int tid);
/* Finds or makes the application's name. */
int checkpoint_name_application(struct hwckpt_error *error);

/* ---- checkpoint_rounds.c ---- */

/* Pages of the program in memory. */
uint64_t checkpoint_resident_pages(void);
/* Copies in rounds what there is to copy by then. */
int checkpoint_copy_before(bool base, const struct quiesce_hooks *hooks,
                           Statistics *statistics, struct hwckpt_error *error);
/* Others were waited for, or preparing took long: what was written meanwhile is
 * not left to the stop. */
int checkpoint_copy_again(Statistics *statistics, struct hwckpt_error *error);

#endif
