/* udp_queue.h - datagrams that wait in a UDP socket, with the addresses that
 * they came from: as records before that of its descriptor, and sent again. */
#ifndef HWCKPT_RESOURCES_UDP_QUEUE_H
#define HWCKPT_RESOURCES_UDP_QUEUE_H

#include "resource.h"

/* Looks at them without taking them. */
int udp_queue_put(struct resource_sink *sink, const Descriptor *message,
                  int socket, struct hwckpt_error *error);
/* To the socket, which is bound and has no peer yet. Those that cannot be sent
 * from where they came are left out (E318). */
void udp_queue_send(struct resource_source *source, const Descriptor *message,
                    int socket);

#endif
