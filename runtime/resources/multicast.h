/* multicast.h - the multicast groups that a datagram socket has joined, and the
 * sources that it hears or does not hear in them. */
#ifndef HWCKPT_RESOURCES_MULTICAST_H
#define HWCKPT_RESOURCES_MULTICAST_H

#include "resource.h"

/* A checkpoint begins: what groups there are may have changed. */
void multicast_begin(void);
/* Of a socket of the internet in our own table: puts a record for each call
 * that joins its groups again. */
int multicast_save(struct resource_sink *sink, int socket, int domain,
                   struct hwckpt_error *error);
/* Joins those that were put with the descriptor at source->at. 0, or the first
 * negative errno: the others are joined all the same. */
long multicast_restore(const struct resource_source *source, int socket);

#endif
