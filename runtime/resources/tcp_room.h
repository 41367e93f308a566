/* tcp_room.h - room at the receiver of a TCP connection, for bytes that its
 * sender keeps because there is none. No right is needed, and nothing is taken
 * out of the connection: who has no CAP_NET_ADMIN sees only what has arrived.
 *
 * A program says by SO_RCVLOWAT how many bytes are to be there before it is
 * told; so that they can be, the kernel lets the buffer grow, up to half of
 * what it may at most (tcp_rmem). Not where the program has set its size. The
 * buffer stays larger, as it does where the kernel lets it grow by itself.
 * The tools use it too. Source: tcp_set_rcvlowat() in net/ipv4/tcp.c. */
#ifndef HWCKPT_RESOURCES_TCP_ROOM_H
#define HWCKPT_RESOURCES_TCP_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/* For so many bytes, those included that are there; false: it is as it was. */
bool tcp_room_make(int socket, size_t bytes);

#endif
