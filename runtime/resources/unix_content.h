/* unix_content.h - what is queued in a unix socket, as records before that of
 * its descriptor: bytes, or message by message, with descriptors on their way
 * and who sent them; and sent again. */
#ifndef HWCKPT_RESOURCES_UNIX_CONTENT_H
#define HWCKPT_RESOURCES_UNIX_CONTENT_H

#include "resource.h"
#include "unix_names.h"

/* Looks at it without taking it. */
int unix_content_put(struct resource_sink *sink, const Descriptor *message,
                     int socket, struct hwckpt_error *error);

/* Whether anything was queued for the descriptor at source->at. */
bool unix_content_any(const struct resource_source *source);
/* From the socket's peer. */
int unix_content_send(struct resource_source *source, const Descriptor *message,
                      int type, int peer, struct hwckpt_error *error);
/* Datagrams, to the name that the socket has: each from the socket of this
 * process that has the sender's name, or else from one of our own, which gets
 * that name if nobody has it. Those that cannot be sent are left out (E318). */
void unix_content_send_to(struct resource_source *source,
                          const Descriptor *message,
                          const struct unix_name *name);

#endif
