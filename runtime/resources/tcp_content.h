/* tcp_content.h - what a TCP connection has received and nobody has read yet,
 * as records before that of its descriptor. */
#ifndef HWCKPT_RESOURCES_TCP_CONTENT_H
#define HWCKPT_RESOURCES_TCP_CONTENT_H

#include "resource.h"

/* Looks at it without taking it. */
int tcp_content_put(struct resource_sink *sink, const Descriptor *message,
                    int socket, struct hwckpt_error *error);
/* Without taking it either; the kernel tells the sender of new room then, where
 * there is anything. */
void tcp_content_glance(int socket);
/* What was put for the descriptor at source->at, from the connection's other
 * end. It need not all be received at once: the rest waits to be sent. 0 or a
 * negative errno. */
long tcp_content_send(const struct resource_source *source, int socket);

#endif
