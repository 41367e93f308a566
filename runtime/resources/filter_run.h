/* filter_run.h - what filters of system calls (seccomp(2)) say to calls of the
 * runtime, which under some of them would end the program. */
#ifndef HWCKPT_RESOURCES_FILTER_RUN_H
#define HWCKPT_RESOURCES_FILTER_RUN_H

#include "filters_seen.h"

/* What the program's threads call where they are stopped and go on; what the
 * checkpoint thread calls; what tells a thread's filters; what the
 * program's threads call before they change a file (support/undo_before.c);
 * what those of other processes of a tree do (support/undo_first_ask.c); what
 * lets the runtime's threads go first (support/quiesce.c); what the
 * program's thread that ends it calls (interface/start.c), and what
 * any does that unloads a library (support/process_lock.h); what answers who
 * has asked for a checkpoint (interface/asked.c), and what tells him that there
 * is no answer; what threads that are stopped ask of their rings
 * (ring_issuer.c). */
enum filter_calls {
  CALLS_OF_STOP,
  CALLS_OF_CHECKPOINT,
  CALLS_OF_STATUS,
  CALLS_OF_UNDO,
  CALLS_OF_ASKING,
  CALLS_OF_HURRY,
  CALLS_OF_END,
  CALLS_OF_LOCK,
  CALLS_OF_SOCKET,
  CALLS_OF_ANSWER,
  CALLS_OF_NAME,
  CALLS_OF_RINGS,
};

/* The name of a call of these that the filter, or one it stands on, forbids;
 * null: there is none. */
const char *filter_forbids(uint32_t number, enum filter_calls calls);

#endif
