/* inet-pair.h - two sockets connected over the loopback interface. */
#ifndef INET_PAIR_H
#define INET_PAIR_H

#include "behaviour.h"
#include <arpa/inet.h>
#include <sys/socket.h>

/* side[1] is the one that was bound, or accepted; of UDP it is not connected.
 */
static inline void inet_pair(int type, int side[2]) {
  struct sockaddr_in name = {.sin_family = AF_INET};
  socklen_t length = sizeof name;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int bound = socket(AF_INET, type, 0);
  side[0] = socket(AF_INET, type, 0);
  CHECK(bind(bound, (void *)&name, length) == 0);
  CHECK(type == SOCK_DGRAM || listen(bound, 1) == 0);
  CHECK(getsockname(bound, (void *)&name, &length) == 0);
  CHECK(connect(side[0], (void *)&name, length) == 0);
  side[1] = type == SOCK_DGRAM ? bound : accept(bound, NULL, NULL);
  CHECK(side[1] >= 0);
}

#endif
