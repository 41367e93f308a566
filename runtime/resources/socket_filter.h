/* socket_filter.h - the program by which a socket chooses what it receives
 * (SO_ATTACH_FILTER). */
#ifndef HWCKPT_RESOURCES_SOCKET_FILTER_H
#define HWCKPT_RESOURCES_SOCKET_FILTER_H

#include "resource.h"

/* Of a socket in our own table: puts it as options; E208 for one of eBPF, which
 * the kernel does not tell. */
int socket_filter_put(struct resource_sink *sink, const Descriptor *message,
                      int socket, struct hwckpt_error *error);
/* Attaches what was put with the descriptor at source->at, if anything: when
 * what had come before it is in the socket again. */
int socket_filter_restore(const struct resource_source *source,
                          const Descriptor *message, int socket,
                          struct hwckpt_error *error);

/* Whether the option is the filter's, and not set as others are. */
bool socket_filter_is_of(const SocketOption *option);

#endif
