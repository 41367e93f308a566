/* connections.h - what the two files that make TCP connections inside the
 * program have in common. */
#ifndef HWCKPT_CONNECTIONS_H
#define HWCKPT_CONNECTIONS_H

#include "assembly.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* One end, of those that the program has. */
struct tcp_end {
  TcpConnection is;
  const struct generation *generation;
  size_t record; /* of its TcpConnection */
  int socket;
  bool is_made;
};

struct tcp_ends {
  struct tcp_end *all;
  size_t count, room;
};

union tcp_name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  char bytes[28];
};

union tcp_name tcp_name_of(const void *bytes, size_t size);
unsigned tcp_port_of(const void *bytes, size_t size);

/* Of any name that is to be bound again soon; -1. */
int tcp_make_socket(int domain);
/* Bound and connected as the end was, as soon as the names are free; -1. */
int tcp_connect_as(const struct tcp_end *end);
void tcp_shut_as_it_was(const struct tcp_end *end);
/* E346, with errno. */
int tcp_refuse(unsigned port, const char *what, struct hwckpt_error *error);

static inline bool tcp_waits(const struct tcp_end *end) {
  return end->is.listener && !end->is.peer_inode;
}
/* Makes the ends that wait, and the sockets that they wait in; changes the
 * order of the ends. */
int connections_queue(const struct assembly_plan *plan,
                      struct exchange *exchange, struct tcp_ends *ends,
                      struct hwckpt_error *error);

#endif
