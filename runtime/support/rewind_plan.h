/* rewind_plan.h - what rewind_plan() finds and rewind_apply() does. */
#ifndef HWCKPT_SUPPORT_REWIND_PLAN_H
#define HWCKPT_SUPPORT_REWIND_PLAN_H

#include "rewind.h"

/* A stretch of the address space that is mapped otherwise than then. */
struct rewind_change {
  uint64_t begin, end;
  unsigned kinds;          /* REWIND_* */
  const struct area *then; /* whose it was, if any */
  int file;                /* to be mapped, opened; -1: none */
};
#define REWIND_UNMAP 1u
#define REWIND_MAP 2u
#define REWIND_PROTECT 4u
#define REWIND_OPEN 8u /* shared memory, to be written */

/* Pages that are to be as the generation has them. */
struct rewind_want {
  uint64_t begin, end;
  uint64_t first_bit; /* in rewind->found */
  unsigned flags;     /* WANT_* */
};
#define WANT_DROP 1u     /* there may be pages that the generation has not */
#define WANT_WRITABLE 2u /* by plain stores, when it is put back */
#define WANT_READABLE 4u /* by plain loads */
#define WANT_SHARED 8u   /* shared memory */
#define WANT_COPY 32u    /* what is not there is zero, the file or not */
#define WANT_FILE 16u    /* a file shows where nothing is */

/* Pages in the stage, one after the other. */
struct rewind_run {
  uint64_t address;
  uint64_t count;
};

struct rewind_put {
  struct rewind *rewind;
  struct hwckpt_error *error;
};

/* The want that the address lies in. */
const struct rewind_want *rewind_wanted(const struct rewind *rewind,
                                        uint64_t address);

#endif
