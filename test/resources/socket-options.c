// What was set for a socket is set again: numbers, and what is a time, a name
// or two numbers.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
static const struct timeval soon = {1, 250000}, later = {2, 500000};
static const struct linger lingers = {1, 5};
static const struct {
  int level, name, number;
  const void *wide;
  socklen_t length;
} set[] = {
    {SOL_SOCKET, SO_RCVTIMEO, 0, &soon, sizeof soon},
    {SOL_SOCKET, SO_SNDTIMEO, 0, &later, sizeof later},
    {SOL_SOCKET, SO_LINGER, 0, &lingers, sizeof lingers},
    {SOL_SOCKET, SO_DONTROUTE, 1, NULL, 0},
    {SOL_SOCKET, SO_MARK, 7, NULL, 0}, /* not for all */
    {SOL_SOCKET, SO_TIMESTAMPNS, 1, NULL, 0},
    {SOL_SOCKET, SO_RXQ_OVFL, 1, NULL, 0},
    {SOL_SOCKET, SO_BUSY_POLL, 3, NULL, 0}, /* not for all */
    {SOL_SOCKET, SO_ZEROCOPY, 1, NULL, 0},
    {SOL_SOCKET, SO_NO_CHECK, 1, NULL, 0},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1, NULL, 0},
    {SOL_SOCKET, SO_PASSSEC, 1, NULL, 0},
    {SOL_SOCKET, 76 /* SO_PASSPIDFD */, 1, NULL, 0}, /* not for all */
    {SOL_SOCKET, SO_MAX_PACING_RATE, 1000000, NULL, 0},
    {SOL_SOCKET, SO_TIMESTAMPING, 16, NULL, 0},
    {SOL_SOCKET, SO_PREFER_BUSY_POLL, 1, NULL, 0}, /* not for all */
    {SOL_SOCKET, SO_RCVMARK, 1, NULL, 0},          /* not for all */
    {SOL_SOCKET, SO_BINDTODEVICE, 0, "lo", 3},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, NULL, 0},
    {IPPROTO_TCP, TCP_FASTOPEN, 7, NULL, 0},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1, NULL, 0},
    {IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1, NULL, 0},
    {IPPROTO_TCP, TCP_SAVE_SYN, 1, NULL, 0},
    {IPPROTO_TCP, TCP_INQ, 1, NULL, 0},
    {IPPROTO_TCP, TCP_TX_DELAY, 1000, NULL, 0},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, 30000, NULL, 0},
    {IPPROTO_UDP, UDP_SEGMENT, 1200, NULL, 0},
    {IPPROTO_UDP, UDP_GRO, 1, NULL, 0},
    {IPPROTO_UDP, UDP_NO_CHECK6_TX, 1, NULL, 0},
    {IPPROTO_UDP, UDP_NO_CHECK6_RX, 1, NULL, 0},
    {IPPROTO_TCP, TCP_CORK, 1, NULL, 0},
    {IPPROTO_TCP, TCP_SYNCNT, 3, NULL, 0},
    {IPPROTO_TCP, TCP_LINGER2, 9, NULL, 0},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000, NULL, 0},
    {IPPROTO_TCP, TCP_CONGESTION, 0, "reno", 4},
    {IPPROTO_IP, IP_RECVERR, 1, NULL, 0},
    {IPPROTO_IP, IP_RECVTTL, 1, NULL, 0},
    {IPPROTO_IP, IP_RECVTOS, 1, NULL, 0},
    {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, NULL, 0},
    {IPPROTO_IP, IP_FREEBIND, 1, NULL, 0},
    {IPPROTO_IP, IP_TRANSPARENT, 1, NULL, 0}, /* not for all */
    {IPPROTO_IP, IP_MINTTL, 2, NULL, 0},
    {IPPROTO_IP, IP_RECVOPTS, 1, NULL, 0},
    {IPPROTO_IP, IP_RETOPTS, 1, NULL, 0},
    {IPPROTO_IP, IP_RECVORIGDSTADDR, 1, NULL, 0},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, NULL, 0},
    {IPPROTO_IP, IP_RECVFRAGSIZE, 1, NULL, 0},
    {IPPROTO_IP, IP_MULTICAST_TTL, 3, NULL, 0},
    {IPPROTO_IP, IP_MULTICAST_LOOP, 0, NULL, 0},
    {IPPROTO_IPV6, IPV6_TCLASS, 16, NULL, 0},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9, NULL, 0},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 5, NULL, 0},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, NULL, 0},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, NULL, 0},
    {IPPROTO_IPV6, IPV6_RECVERR, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_FREEBIND, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_DONTFRAG, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_RECVPATHMTU, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0, NULL, 0},
    {IPPROTO_IPV6, IPV6_MINHOPCOUNT, 3, NULL, 0},
    {IPPROTO_IPV6, IPV6_TRANSPARENT, 1, NULL, 0}, /* not for all */
    {IPPROTO_IPV6, IPV6_MULTICAST_IF, 1, NULL, 0},
    {IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, 2, NULL, 0}, /* a public one */
    {IPPROTO_IPV6, 33 /* IPV6_FLOWINFO_SEND */, 1, NULL, 0},
};
#define COUNT (sizeof set / sizeof *set)
#define SOCKETS 5
struct value {
  socklen_t length;
  char bytes[16];
};

static struct value value_of(int fd, size_t option) {
  struct value value = {.length = sizeof value.bytes};
  if (getsockopt(fd, set[option].level, set[option].name, value.bytes,
                 &value.length) != 0)
    value.length = 0;
  return value;
}

int main(void) {
  static struct value was[SOCKETS][COUNT];
  int fds[SOCKETS], changed = 0;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  fds[2] = socket(AF_INET, SOCK_STREAM, 0);
  fds[3] = socket(AF_INET, SOCK_DGRAM, 0);
  fds[4] = socket(AF_INET6, SOCK_DGRAM, 0); /* perhaps none */
  for (int s = 0; s < SOCKETS; s++)
    for (size_t i = 0; s != 1 && i < COUNT; i++) {
      struct value before = value_of(fds[s], i);
      setsockopt(fds[s], set[i].level, set[i].name,
                 set[i].wide ? set[i].wide : &set[i].number,
                 set[i].wide ? set[i].length : sizeof set[i].number);
      was[s][i] = value_of(fds[s], i);
      changed += memcmp(&before, &was[s][i], sizeof before) != 0;
    }
  CHECK(changed > 30);
  die_and_come_back();
  for (int s = 0; s < SOCKETS; s++)
    for (size_t i = 0; s != 1 && i < COUNT; i++) {
      struct value is = value_of(fds[s], i);
      if (memcmp(&is, &was[s][i], sizeof is) != 0)
        printf("socket %d, option %d of %d\n", s, set[i].name, set[i].level);
      CHECK(memcmp(&is, &was[s][i], sizeof is) == 0);
    }
  return 0;
}
