/* udp_sending.c - see udp_sending.h. Source: sock_diag(7), udp(7). */
#include "udp_sending.h"

#include "../arch/sys.h"
#include "../support/sock_diag.h"
#include "socket_options.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* What goes to a device is there until that has sent it. */
#define SENT_MS 60
/* The loopback interface answers at once. */
#define REFUSED_MS 100

struct wanted {
  uint64_t inode;
  uint32_t shutdown;
};

static void look_at(const struct nlmsghdr *answer, void *context) {
  const struct inet_diag_msg *found = NLMSG_DATA(answer);
  struct wanted *wanted = context;
  size_t length = 0;
  if (found->idiag_inode != wanted->inode)
    return;
  const uint8_t *what =
      sock_diag_find(answer, sizeof(*found), INET_DIAG_SHUTDOWN, &length);
  wanted->shutdown = what && length ? *what : 0;
}

uint32_t udp_shutdown_of(int socket, uint64_t inode) {
  _Alignas(8) char answers[8192];
  struct sockaddr_in6 name = {.sin6_port = 0}; /* at the same place in both */
  uint32_t length = sizeof(name);
  struct wanted wanted = {.inode = inode};
  SYS(getsockname, socket, &name, &length);
  if (!name.sin6_port)
    return 0;
  const struct inet_diag_req_v2 what = {
      .sdiag_family =
          (uint8_t)socket_number(socket, SOL_SOCKET, SO_DOMAIN, AF_INET),
      .sdiag_protocol = IPPROTO_UDP,
      .idiag_states = ~0u,
      .id.idiag_sport = name.sin6_port};
  const struct sock_diag_question question = {
      &what, sizeof(what), .all = true, .head = sizeof(struct inet_diag_msg)};
  sock_diag_ask(-1, &question, answers, sizeof(answers), look_at, &wanted);
  return wanted.shutdown;
}

void udp_shut_down(int socket, uint32_t what) {
  int how = (int)what - 1; /* SHUT_RD, SHUT_WR, SHUT_RDWR */
  if (what)
    SYS(shutdown, socket, how);
}

bool udp_is_corked(int socket) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (int i = 0; i < SENT_MS; i++) {
    int left = 0;
    if (SYS(ioctl, socket, SIOCOUTQ, &left) < 0 || left <= 0)
      return false;
    SYS(nanosleep, &moment, 0);
  }
  return true;
}

/* With IP_RECVERR it tells more, which is not to be had again. */
bool udp_is_refused(int socket) {
  struct pollfd look = {.fd = socket};
  return SYS(poll, &look, 1, 0) == 1 && look.revents & POLLERR &&
         !socket_number(socket, IPPROTO_IP, IP_RECVERR, 0) &&
         !socket_number(socket, IPPROTO_IPV6, IPV6_RECVERR, 0);
}

/* The loopback interface's, as the socket reaches it. */
static long loopback_for(int socket, struct sockaddr_in6 *name,
                         uint32_t *length) {
  struct sockaddr_in *four = (void *)name;
  long result = SYS(getsockname, socket, name, length);
  name->sin6_port = 0; /* at the same place in both */
  if (name->sin6_family == AF_INET) {
    four->sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
  } else if (IN6_IS_ADDR_V4MAPPED(&name->sin6_addr)) {
    const uint8_t address[] = {127, 0, 0, 1};
    memcpy(&name->sin6_addr.s6_addr[12], address, sizeof(address));
  } else {
    name->sin6_addr = (struct in6_addr){.s6_addr[15] = 1};
  }
  return result;
}

/* It hears nobody but itself. */
static long make_deaf(struct sockaddr_in6 *name, uint32_t length) {
  long fd = SYS(socket, name->sin6_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  long result = SYS(bind, fd, name, (int)length);
  if (result >= 0)
    result = SYS(getsockname, fd, name, &length);
  if (result >= 0)
    result = SYS(connect, fd, name, (int)length);
  if (result >= 0)
    return fd;
  SYS(close, fd);
  return result;
}

long udp_refuse(int socket) {
  struct sockaddr_in6 name;
  struct pollfd look = {.fd = socket};
  uint32_t length = sizeof(name);
  memset(&name, 0, sizeof(name));
  long result = loopback_for(socket, &name, &length);
  long deaf = result < 0 ? result : make_deaf(&name, length);
  if (deaf < 0)
    return deaf;
  result = SYS(connect, socket, &name, (int)length);
  if (result >= 0)
    result = SYS(sendto, socket, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
  if (result >= 0)
    result = SYS(poll, &look, 1, REFUSED_MS) == 1 ? 0 : -ETIMEDOUT;
  SYS(close, deaf);
  return result;
}
