/* tcp_peer.h - the two ends of a TCP connection on this machine, which the
 * kernel tells by sock_diag(7). */
#ifndef HWCKPT_RESOURCES_TCP_PEER_H
#define HWCKPT_RESOURCES_TCP_PEER_H

#include "resource.h"

#include <netinet/in.h>
#include <sys/socket.h>

union tcp_name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

struct tcp_ends {
  union tcp_name own, peer;
  uint32_t own_length, peer_length;
};

/* TCP_... of netinet/tcp.h; 0: it is none of TCP. */
int tcp_state_of(int socket);

/* False: it is not connected. */
bool tcp_ends_of(int socket, struct tcp_ends *ends);

/* Of one with this inode that asks for a connection (SYN_SENT); false: its peer
 * is not known. */
bool tcp_asked_of(int socket, uint64_t inode, struct tcp_ends *ends);

struct tcp_peer {
  uint32_t inode; /* 0: nobody has it */
  uint8_t state;  /* TCP_..., 0: it is not on this machine */
  uint32_t unread;
  uint32_t unsent; /* or not acknowledged */
};

/* The other end. */
struct tcp_peer tcp_peer_of(const struct tcp_ends *ends);
/* Where the other end, which nobody has, waits to be accepted: the inode of a
 * socket of the program that listens, 0: in none. */
uint32_t tcp_waits_at(const struct resource_sink *sink, uint64_t device,
                      const struct tcp_ends *ends, const struct tcp_peer *peer);

#endif
