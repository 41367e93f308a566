/* ring_asked.h - what an io_uring tells only when it is asked by a request:
 * nothing of it is changed. */
#ifndef HWCKPT_RESOURCES_RING_ASKED_H
#define HWCKPT_RESOURCES_RING_ASKED_H

#include "resource.h"

/* Groups of provided buffers that there can be, to ask for all of which takes
 * 15 ms; and those that programs use. */
#define RING_GROUPS 65536u
#define RING_FIRST_GROUPS 1024u

struct ring_answers {
  const char *reason; /* why it cannot be saved; null: it can */
  bool deferred;      /* DEFER_TASKRUN, where the kernel tells (Linux 6.13) */
  bool disabled;      /* R_DISABLED */
};

/* Whether it answers one thread alone (SINGLE_ISSUER), and not the caller; of a
 * descriptor of another kind, no. */
bool ring_has_another_issuer(int ring);
/* Of such a one: whether it has DEFER_TASKRUN. */
bool ring_is_deferred_by_another(int ring);
/* Whether it is the ring of the calling thread alone, or of all. */
bool ring_answers_caller(int ring);

/* On a thread that it answers. Of that many groups; all where it is disabled,
 * for who enables it may be the only one that it answers then. */
void ring_ask(int ring, uint32_t groups, struct ring_answers *answers);

extern const char ring_has_provided[];
/* Whether a group from first on, before end, has buffers, or the kernel does
 * not tell. */
bool ring_has_buffers(int ring, uint32_t first, uint32_t end);

#endif
