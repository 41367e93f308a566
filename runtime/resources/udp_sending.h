/* udp_sending.h - what shutdown(2) did to a UDP socket, and whether a datagram
 * in it is only begun. */
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

#endif
