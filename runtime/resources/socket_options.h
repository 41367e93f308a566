/* socket_options.h - what setsockopt(2) sets for a socket, by a table of
 * numbers. */
#ifndef HWCKPT_RESOURCES_SOCKET_OPTIONS_H
#define HWCKPT_RESOURCES_SOCKET_OPTIONS_H

#include "resource.h"

/* A checkpoint begins: what a fresh socket has may have changed. */
void socket_options_begin(void);

/* Of a socket in our own table: puts a record for each option whose value
 * differs from a fresh socket's, and its filter (socket_filter.h). */
int socket_options_save(struct resource_sink *sink, const Descriptor *message,
                        int socket, int domain, int type, int protocol,
                        struct hwckpt_error *error);
/* Sets those that were put with the descriptor at source->at, but for the
 * filter. */
void socket_options_restore(const struct resource_source *source, int socket);

/* An option that is a number; `otherwise` where there is none. */
int socket_number(int socket, int level, int name, int otherwise);

#endif
