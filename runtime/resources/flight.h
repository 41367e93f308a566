/* flight.h - descriptors that the program has sent and nobody has received yet:
 * on their way in a unix socket (SCM_RIGHTS).
 *
 * They are facts like those of its table, with numbers behind all of them, and
 * so come back like those, at these numbers; then they are sent again and
 * closed. What is on its way in a socket that is itself on its way comes later.
 * Of a tree, who saves the socket has them; who coordinates the cut numbers
 * them in the same order (tools/hwckpt/tree_facts.c): sockets ascending, each
 * once. */
#ifndef HWCKPT_RESOURCES_FLIGHT_H
#define HWCKPT_RESOURCES_FLIGHT_H

#include "resource.h"

/* Whether what is on its way in the socket of that row is looked at there: of
 * all rows and of all members that have the socket, the first. */
bool flight_is_here(const struct resource_sink *sink, size_t index);
/* Takes those in the socket of that row, each as a number (info_hold()), to
 * `add`, which returns whether there is more room. */
int flight_take(const struct resource_sink *sink, size_t index,
                bool (*add)(int number, uint64_t carrier, void *context),
                void *context, struct hwckpt_error *error);
/* Whether that row's carrier is saved with what is in it. One that is connected
 * to others comes back reset. */
bool flight_matters(const struct resource_sink *sink,
                    const struct descriptor_fact *fact);

#endif
