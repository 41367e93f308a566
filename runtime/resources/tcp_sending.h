/* tcp_sending.h - bytes of a TCP connection inside the program that have not
 * all arrived: the kernel lets who has CAP_NET_ADMIN look at them (TCP_REPAIR).
 *
 * Each end is looked at by itself, maybe by another process; sequence numbers
 * say how much of what one end sends the other has. From then to the end of the
 * stop nothing more arrives at a receiver: else its sender might be looked at
 * when it has forgotten that. Source: the kernel's net/ipv4/tcp.c. */
#ifndef HWCKPT_RESOURCES_TCP_SENDING_H
#define HWCKPT_RESOURCES_TCP_SENDING_H

#include "resource.h"

/* What the kernel keeps at this end until the other has acknowledged it. */
struct tcp_sending {
  uint32_t from; /* sequence number of the first byte */
  long map;      /* where they are */
  size_t mapped, begin, end;
};

/* 0, and tcp_sending_forget() is to be called; or a negative errno: it cannot
 * be looked at. */
long tcp_sending_look(int socket, struct tcp_sending *sending);
/* As records before that of the descriptor. */
int tcp_sending_put(struct resource_sink *sink,
                    const struct tcp_sending *sending,
                    struct hwckpt_error *error);
void tcp_sending_forget(struct tcp_sending *sending);

/* The number behind the last byte that arrived, and until tcp_sending_let_go()
 * no other does. False: that is not to be had. */
bool tcp_sending_hold(int socket, uint32_t *number);
void tcp_sending_let_go(void);

/* What comes meanwhile is not heard, and sent again. False: the socket has a
 * filter of its own, which would be lost. */
bool tcp_deafen(int socket);
void tcp_hear(int socket);

#endif
