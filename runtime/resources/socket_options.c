/* socket_options.c - see socket_options.h. Source: socket(7), tcp(7), ip(7),
 * ipv6(7). */
#include "socket_options.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "socket_filter.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif
#ifndef IPV6_FLOWINFO_SEND
#define IPV6_FLOWINFO_SEND                                                     \
  33 /* of linux/in6.h, which does not go with libc's */
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

static const struct {
  int level, name;
} options[] = {
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_BROADCAST},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_PASSCRED},
    {SOL_SOCKET, SO_TIMESTAMP},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_PRIORITY},
    {SOL_SOCKET, SO_DONTROUTE},
    {SOL_SOCKET, SO_MARK},
    {SOL_SOCKET, SO_TIMESTAMPNS},
    {SOL_SOCKET, SO_RXQ_OVFL},
    {SOL_SOCKET, SO_BUSY_POLL},
    {SOL_SOCKET, SO_ZEROCOPY},
    {SOL_SOCKET, SO_NO_CHECK},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE},
    {SOL_SOCKET, SO_BINDTODEVICE},
    {SOL_SOCKET, SO_PEEK_OFF},
    {SOL_SOCKET, SO_PASSSEC},
    {SOL_SOCKET, SO_PASSPIDFD},
    {SOL_SOCKET, SO_MAX_PACING_RATE},
    {SOL_SOCKET, SO_TIMESTAMPING},
    {SOL_SOCKET, SO_PREFER_BUSY_POLL},
    {SOL_SOCKET, SO_RCVMARK},
    {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_BUF_LOCK},
    {SOL_SOCKET, SO_SNDBUF},
    {SOL_SOCKET, SO_RCVBUF},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_CONGESTION},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS},
    {IPPROTO_TCP, TCP_FASTOPEN},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
    {IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE},
    {IPPROTO_TCP, TCP_SAVE_SYN},
    {IPPROTO_TCP, TCP_INQ},
    {IPPROTO_TCP, TCP_TX_DELAY},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_UDP, UDP_CORK},
    {IPPROTO_UDP, UDP_SEGMENT},
    {IPPROTO_UDP, UDP_GRO},
    {IPPROTO_UDP, UDP_NO_CHECK6_TX},
    {IPPROTO_UDP, UDP_NO_CHECK6_RX},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_PKTINFO},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_RECVTTL},
    {IPPROTO_IP, IP_RECVTOS},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IP, IP_FREEBIND},
    {IPPROTO_IP, IP_TRANSPARENT},
    {IPPROTO_IP, IP_MINTTL},
    {IPPROTO_IP, IP_RECVOPTS},
    {IPPROTO_IP, IP_RETOPTS},
    {IPPROTO_IP, IP_RECVORIGDSTADDR},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {IPPROTO_IP, IP_RECVFRAGSIZE},
    {IPPROTO_IP, IP_MULTICAST_TTL},
    {IPPROTO_IP, IP_MULTICAST_IF},
    {IPPROTO_IP, IP_MULTICAST_ALL},
    {IPPROTO_IP, IP_MULTICAST_LOOP},
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    {IPPROTO_IPV6, IPV6_RECVTCLASS},
    {IPPROTO_IPV6, IPV6_FREEBIND},
    {IPPROTO_IPV6, IPV6_DONTFRAG},
    {IPPROTO_IPV6, IPV6_RECVPATHMTU},
    {IPPROTO_IPV6, IPV6_RECVFRAGSIZE},
    {IPPROTO_IPV6, IPV6_RECVORIGDSTADDR},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL},
    {IPPROTO_IPV6, IPV6_MINHOPCOUNT},
    {IPPROTO_IPV6, IPV6_TRANSPARENT},
    {IPPROTO_IPV6, IPV6_MULTICAST_IF},
    {IPPROTO_IPV6, IPV6_MULTICAST_ALL},
    {IPPROTO_IPV6, IPV6_ADDR_PREFERENCES},
    {IPPROTO_IPV6, IPV6_FLOWINFO_SEND},
    {SOL_NETLINK, NETLINK_PKTINFO},
    {SOL_NETLINK, NETLINK_BROADCAST_ERROR},
    {SOL_NETLINK, NETLINK_NO_ENOBUFS},
    {SOL_NETLINK, NETLINK_CAP_ACK},
    {SOL_NETLINK, NETLINK_EXT_ACK},
    {SOL_NETLINK, NETLINK_GET_STRICT_CHK},
};

int socket_number(int socket, int level, int name, int otherwise) {
  int value = 0;
  uint32_t length = sizeof(value);
  return SYS(getsockopt, socket, level, name, &value, &length) < 0 ? otherwise
                                                                   : value;
}

/* A number, or a time, a name and the like. */
struct value {
  uint32_t length; /* 0: sockets of this kind have no such option */
  unsigned char bytes[sizeof(((SocketOption *)0)->wide.bytes)];
};

static struct value read_value(int socket, size_t option) {
  struct value value = {.length = sizeof(value.bytes)};
  if (SYS(getsockopt, socket, options[option].level, options[option].name,
          value.bytes, &value.length) < 0)
    value.length = 0;
  return value;
}

/* What a fresh socket of a kind has; asked once a checkpoint. */
#define OPTIONS (sizeof(options) / sizeof(options[0]))
#define FRESH 16u
struct fresh {
  int domain, type, protocol;
  struct value option[OPTIONS];
};
static LIVE struct {
  uint32_t count, next;
  struct fresh kind[FRESH];
} fresh;

void socket_options_begin(void) { fresh.count = fresh.next = 0; }

static const struct fresh *find(int domain, int type, int protocol) {
  for (uint32_t i = 0; i < fresh.count; i++)
    if (fresh.kind[i].domain == domain && fresh.kind[i].type == type &&
        fresh.kind[i].protocol == protocol)
      return &fresh.kind[i];
  return 0;
}

/* Into the place of the one that has been there for longest. */
static const struct fresh *look_at(int domain, int type, int protocol,
                                   struct hwckpt_error *error) {
  long socket = SYS(socket, domain, type | SOCK_CLOEXEC, protocol);
  if (socket < 0) {
    hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-socket, "socket",
                "to compare options with");
    return 0;
  }
  struct fresh *kind = &fresh.kind[fresh.next];
  fresh.next = (fresh.next + 1) % FRESH;
  fresh.count += fresh.count < FRESH;
  kind->domain = domain;
  kind->type = type;
  kind->protocol = protocol;
  for (size_t i = 0; i < OPTIONS; i++)
    kind->option[i] = read_value((int)socket, i);
  SYS(close, socket);
  return kind;
}

static int put_unless_fresh(struct resource_sink *sink, int socket,
                            size_t number, const struct value *fresh_value,
                            struct hwckpt_error *error) {
  SocketOption option = SocketOption_init_zero;
  struct value value = read_value(socket, number);
  if (!value.length || memcmp(&value, fresh_value, sizeof(value)) == 0)
    return 0;
  option.level = options[number].level;
  option.name = options[number].name;
  if (value.length == sizeof(option.value)) {
    memcpy(&option.value, value.bytes, sizeof(option.value));
  } else {
    option.wide.size = (pb_size_t)value.length;
    memcpy(option.wide.bytes, value.bytes, value.length);
  }
  return resource_put(sink, RECORD_SOCKET_OPTION, SocketOption_fields, &option,
                      error);
}

int socket_options_save(struct resource_sink *sink, const Descriptor *message,
                        int socket, int domain, int type, int protocol,
                        struct hwckpt_error *error) {
  const struct fresh *kind = find(domain, type, protocol);
  int result = 0;
  if (!kind)
    kind = look_at(domain, type, protocol, error);
  if (!kind)
    return -HWCKPT_E_CAPTURE;
  for (size_t i = 0; !result && i < OPTIONS; i++) {
    /* A fresh one is bound to no device, which has no length either. */
    if (kind->option[i].length || options[i].name == SO_BINDTODEVICE)
      result = put_unless_fresh(sink, socket, i, &kind->option[i], error);
  }
  return result ? result : socket_filter_put(sink, message, socket, error);
}

/* The kernel doubles what it is given, and sees to them no more by itself. */
static void set_size(int socket, int name, int value) {
  int half = value / 2;
  int force = name == SO_SNDBUF ? SO_SNDBUFFORCE : SO_RCVBUFFORCE;
  if (SYS(setsockopt, socket, SOL_SOCKET, force, &half, sizeof(half)) < 0)
    SYS(setsockopt, socket, SOL_SOCKET, name, &half, sizeof(half));
}

static bool is_size(const SocketOption *option) {
  return option->level == SOL_SOCKET &&
         (option->name == SO_SNDBUF || option->name == SO_RCVBUF);
}

void socket_options_restore(const struct resource_source *source, int socket) {
  SocketOption option;
  int set_by_program = 0;
  for (size_t i = source->at;
       i-- > 0 && source->records[i].type != RECORD_DESCRIPTOR;) {
    if (source->records[i].type != RECORD_SOCKET_OPTION ||
        resource_get(&source->records[i], SocketOption_fields, &option, 0) ||
        socket_filter_is_of(&option))
      continue;
    int value = option.value;
    if (is_size(&option))
      set_size(socket, option.name, value);
    else if (option.level == SOL_SOCKET && option.name == SO_BUF_LOCK)
      set_by_program = value;
    else if (option.wide.size)
      SYS(setsockopt, socket, option.level, option.name, option.wide.bytes,
          option.wide.size);
    else
      SYS(setsockopt, socket, option.level, option.name, &value, sizeof(value));
  }
  SYS(setsockopt, socket, SOL_SOCKET, SO_BUF_LOCK, &set_by_program,
      sizeof(set_by_program));
}
