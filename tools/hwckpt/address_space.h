/* address_space.h - one address space that is being loaded: the restored
 * program's, or that of a child it forked meanwhile.
 *
 * A plan speaks of addresses as they were at the checkpoint (origins). The
 * program moves, unmaps and drops memory while it is loaded, and the kernel
 * tells us by events of the userfaultfd. Invariant: what a space says of an
 * origin is right once all events that were read are applied; the caller holds
 * the lock of all spaces for reading events, and while pages are copied.
 *
 * Source: userfaultfd(2), ioctl_userfaultfd(2), the kernel's
 * Documentation/admin-guide/mm/userfaultfd.rst. */
#ifndef HWCKPT_ADDRESS_SPACE_H
#define HWCKPT_ADDRESS_SPACE_H

#include "runtime/cache/cache.h"

#include <stdbool.h>

/* The list with room for an element behind the first count. Without memory for
 * its lists the loader cannot say what is where: it ends, and the program is
 * killed. */
void *list_grown(void *list, size_t count, size_t *room, size_t size);

struct space_ranges {
  struct cache_range *at; /* ascending, disjoint */
  size_t count, room;
};

/* Origins [range) are at `now` in this space. */
struct space_move {
  struct cache_range range;
  uint64_t now;
};

struct space {
  int uffd;
  bool gone;     /* the process ended, or executes another program */
  bool protects; /* pages come write-protected */
  struct space_ranges struck; /* origins that nothing is copied to any more */
  struct space_move *moves;
  size_t move_count, move_room;
  size_t units;
  unsigned char *done; /* for each unit of the plan, once there is one */
  size_t left;         /* units that are not */
};

/* A space of a process to whose memory nothing is copied yet; owns uffd. */
struct space *address_space_make(int uffd);
/* There is a plan, of so many units, of which none is done. */
void address_space_plan(struct space *space, size_t units);
/* The space of a child, forked from the one given. */
struct space *address_space_fork(const struct space *parent, int uffd);
void address_space_free(struct space *space);

/* ---- events ---- */

void address_space_strike(struct space *space, struct cache_range now);
void address_space_move(struct space *space, struct cache_range from,
                        uint64_t to);

/* ---- asking ---- */

/* The origin of the page at an address; false: nothing of the plan is there. */
bool address_space_origin(const struct space *space, uint64_t now,
                          uint64_t *origin);

/* ---- copying ---- */

enum space_result {
  SPACE_DONE,
  SPACE_AGAIN,  /* an event waits to be read first */
  SPACE_FAILED, /* errno tells why */
};

/* Copies the pages of an origin to where they are now, but for what is struck
 * and what is there already. */
enum space_result address_space_copy(struct space *space, uint64_t origin,
                                     const void *data, size_t pages);
/* Makes the page at an address zero, if it is not there. */
enum space_result address_space_zero(struct space *space, uint64_t now);
/* Puts a page there that is of no origin, and not protected. */
enum space_result address_space_put(struct space *space, uint64_t now,
                                    const void *page);
/* Watches the range no more. */
void address_space_release(struct space *space, struct cache_range now);
/* Lets those go on that wait for the page. */
void address_space_wake(struct space *space, uint64_t now);

#endif
