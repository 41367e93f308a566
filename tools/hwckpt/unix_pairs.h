/* unix_pairs.h - unix sockets of a tree that are connected to each other, made
 * by those processes that SO_PEERCRED is to tell: the kernel takes for it who
 * calls listen() and who calls connect(), or makes a pair of them. Each end is
 * given under its key.
 *
 * They are made before the processes become the program. A process that has
 * ended is stood in for by one that has an end. */
#ifndef HWCKPT_UNIX_PAIRS_H
#define HWCKPT_UNIX_PAIRS_H

#include "assembly.h"

struct unix_pairs;

/* In the tool, before the processes are made: they have its sockets too.
 * Null and an error: no memory. */
struct unix_pairs *unix_pairs_plan(const struct assembly_plan *plan,
                                   struct hwckpt_error *error);
/* In a process that is a member. */
void unix_pairs_listen(const struct unix_pairs *pairs, int member);
/* Then, when all have: makes what this one is to make, and gives it over its
 * way to the tool. */
int unix_pairs_connect(const struct unix_pairs *pairs, int member, int status,
                       struct hwckpt_error *error);
/* In the tool, when the processes are made. */
void unix_pairs_close(const struct unix_pairs *pairs);

#endif
