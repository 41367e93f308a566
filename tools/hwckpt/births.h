/* births.h - by whom, and when, each process of a family is made, so that it is
 * born in the session that it is to have.
 *
 * A process has the session of who makes it, of before or after that one makes
 * its own. Its parent may be in another one by then: then a brother or sister
 * makes it (CLONE_PARENT), or somebody who ends, as did who made it once, and
 * leaves it to the next one above that adopts orphans. */
#ifndef HWCKPT_BIRTHS_H
#define HWCKPT_BIRTHS_H

#include "family.h"

struct births {
  struct relative *relatives; /* freed by who asked */
  size_t count, room;
};

/* Appends a relative; its index, -1: no memory. */
int births_add(struct births *births, const struct relative *relative);
/* 0, ENOMEM, or EDOM where no way was found. May append stand-ins. */
int births_plan(struct births *births);

#endif
