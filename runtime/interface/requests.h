/* requests.h - what is asked of the checkpoint thread, in one word that it
 * sleeps on (futex): a bit for each event, and one for each other thing that
 * there is to do.
 *
 * Invariant: what a bit speaks of is stored before the bit is set, and the bits
 * are taken before it is read; so nothing that is asked for is missed.
 */
#ifndef HWCKPT_INTERFACE_REQUESTS_H
#define HWCKPT_INTERFACE_REQUESTS_H

#include "records.pb.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bit per Event: a checkpoint. */
#define REQUEST_EVENTS ((2u << _Event_MAX) - 1)
/* What checkpoints need is to be opened now. */
#define REQUEST_OPEN (1u << 25)
/* Memory is to be let go. */
#define REQUEST_LET_GO (1u << 26)
/* Something is held back, or somebody is: monitors are asked when it is due. */
#define REQUEST_LOOK (1u << 27)
/* A checkpoint of all processes is taken. */
#define REQUEST_TREE (1u << 28)
/* Regions are to be saved or loaded. */
#define REQUEST_REGIONS (1u << 29)
/* To be rolled back: no event of a checkpoint. */
#define REQUEST_LOAD (1u << 30)
/* Monitors have something else to watch. */
#define REQUEST_CHANGED (1u << 31)

_Static_assert(REQUEST_EVENTS < REQUEST_OPEN, "a bit has one meaning");

extern struct requests {
  _Atomic uint32_t word;
  _Atomic uint32_t urgent; /* of the events: not to wait for a site */
  _Atomic uint32_t cut;    /* of REQUEST_TREE */
  _Atomic int exit_signal; /* the program is to end after the next checkpoint,
                            * 0: not */
  /* Changes to what monitors watch for, and those they have heard of (futex).
   */
  _Atomic uint32_t changes, changes_seen;
} requests;

/* Async-signal-safe. */
void requests_wake(uint32_t bits);

/* ---- on the checkpoint thread ---- */

uint32_t requests_take(void);
/* Until there is one, or for so long; UINT64_MAX: without end. */
void requests_sleep(uint64_t nanoseconds);

/* At the start of a process that is served: there is none. */
void requests_clear(void);

#endif
