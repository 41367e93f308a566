/* udp_sending.h - what shutdown(2) did to a UDP socket, whether a datagram in
 * it is only begun, and that one was refused. */
#ifndef HWCKPT_RESOURCES_UDP_SENDING_H
#define HWCKPT_RESOURCES_UDP_SENDING_H

#include <stdbool.h>
#include <stdint.h>

/* Of a socket with this inode: 1, it receives no more, 2, it sends no more, or
 * both. Of one that has no port 0: the kernel does not tell. */
uint32_t udp_shutdown_of(int socket, uint64_t inode);
/* The same of the socket again. */
void udp_shut_down(int socket, uint32_t what);
/* Whether part of a datagram waits for the rest (UDP_CORK, MSG_MORE). */
bool udp_is_corked(int socket);
/* Whether an error waits to be told that came of what was sent. */
bool udp_is_refused(int socket);
/* It waits again: ECONNREFUSED. Leaves the socket connected to nobody; 0 or a
 * negative errno. */
long udp_refuse(int socket);

#endif
