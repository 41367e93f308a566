/* socket_options.c - see socket_options.h. Source: socket(7), tcp(7), ip(7),
 * ipv6(7). */
#include "socket_options.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

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
    {SOL_SOCKET, SO_SNDBUF},
    {SOL_SOCKET, SO_RCVBUF},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_PKTINFO},
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO},
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

/* What a fresh socket of a kind has; asked once a checkpoint. */
#define OPTIONS (sizeof(options) / sizeof(options[0]))
#define FRESH 16u
struct fresh {
  int domain, type, protocol;
  struct {
    bool has; /* sockets of this kind have such an option */
    int value;
  } option[OPTIONS];
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
  for (size_t i = 0; i < OPTIONS; i++) {
    int value = 0;
    uint32_t length = sizeof(value);
    kind->option[i].has = SYS(getsockopt, socket, options[i].level,
                              options[i].name, &value, &length) >= 0;
    kind->option[i].value = value;
  }
  SYS(close, socket);
  return kind;
}

int socket_options_save(struct resource_sink *sink, int socket, int domain,
                        int type, int protocol, struct hwckpt_error *error) {
  const struct fresh *kind = find(domain, type, protocol);
  int result = 0;
  if (!kind)
    kind = look_at(domain, type, protocol, error);
  if (!kind)
    return -HWCKPT_E_CAPTURE;
  for (size_t i = 0; !result && i < OPTIONS; i++) {
    SocketOption option = SocketOption_init_zero;
    if (!kind->option[i].has)
      continue;
    option.level = options[i].level;
    option.name = options[i].name;
    option.value = socket_number(socket, option.level, option.name, 0);
    if (option.value != kind->option[i].value)
      result = resource_put(sink, RECORD_SOCKET_OPTION, SocketOption_fields,
                            &option, error);
  }
  return result;
}

void socket_options_restore(const struct resource_source *source, int socket) {
  SocketOption option;
  for (size_t i = source->at;
       i-- > 0 && source->records[i].type != RECORD_DESCRIPTOR;) {
    if (source->records[i].type != RECORD_SOCKET_OPTION ||
        resource_get(&source->records[i], SocketOption_fields, &option, 0))
      continue;
    int value = option.value;
    /* The kernel doubles what it is given for these two. */
    if (option.level == SOL_SOCKET &&
        (option.name == SO_SNDBUF || option.name == SO_RCVBUF))
      value /= 2;
    SYS(setsockopt, socket, option.level, option.name, &value, sizeof(value));
  }
}
