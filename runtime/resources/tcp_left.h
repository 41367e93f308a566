/* tcp_left.h - names of TCP connections that are over.
 *
 * A connection keeps its names for a minute at the end that was closed first
 * (TIME_WAIT): nobody can bind them who did not when it was there. A call from
 * the other end is answered with the numbers of the old connection, of which
 * the caller's kernel knows nothing: it resets that, and the names are free
 * (RFC 1337). The tools use it too. */
#ifndef HWCKPT_RESOURCES_TCP_LEFT_H
#define HWCKPT_RESOURCES_TCP_LEFT_H

#include <stdbool.h>
#include <stddef.h>

/* Calls all such connections at the port of the address (struct sockaddr_in or
 * sockaddr_in6), as far as their other ends are on this machine; whether there
 * was any. */
bool tcp_free_left(const void *address);

#endif
