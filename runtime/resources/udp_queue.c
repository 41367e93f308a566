/* udp_queue.c - see udp_queue.h. Source: udp(7), ip(7), socket(7).
 *
 * Looking would take an error that waits from the program: with one, nobody
 * looks. A datagram is sent again from a socket that has its sender's address
 * for the moment; all UDP sockets of the program let theirs be shared until all
 * is in place. */
#include "udp_queue.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "packet_walk.h"
#include "socket_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

/* ---- saving ---- */

struct looking {
  int socket;
  char *buffer;
  size_t room;
};

static long look(void *context, struct packet *packet) {
  const struct looking *looking = context;
  _Alignas(struct cmsghdr) char control[512];
  struct iovec part = {looking->buffer, looking->room};
  struct msghdr head = {.msg_name = packet->sender.name,
                        .msg_namelen = sizeof(union name),
                        .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = sizeof(control)};
  *packet = (struct packet){0};
  long count = SYS(recvmsg, looking->socket, &head, MSG_PEEK | MSG_DONTWAIT);
  if (count >= 0 && head.msg_namelen > sizeof(union name))
    return -EINVAL;
  packet->sender.name_length = head.msg_namelen;
  for (size_t at = 0; at + sizeof(struct cmsghdr) <= head.msg_controllen;) {
    const struct cmsghdr *header = (const void *)(control + at);
    if (header->cmsg_len < sizeof(*header))
      break;
    if (!packet->mark)
      packet->mark = packet_mark(header);
    at += CMSG_ALIGN(header->cmsg_len);
  }
  return count;
}

static int put_one(struct resource_sink *sink,
                   const struct packet_sender *sender, long count,
                   struct hwckpt_error *error) {
  SocketControl control = SocketControl_init_zero;
  control.name.size = (pb_size_t)sender->name_length;
  memcpy(control.name.bytes, sender->name, sender->name_length);
  control.from = -1;
  int result = resource_put(sink, RECORD_SOCKET_CONTROL, SocketControl_fields,
                            &control, error);
  return result ? result
                : sink->put(sink, RECORD_SOCKET_DATA,
                            (char *)sink->scratch + RESOURCE_SCRATCH_DATA,
                            (size_t)count, error);
}

static int put_all(struct resource_sink *sink, const Descriptor *message,
                   struct packet_walk *walk, struct hwckpt_error *error) {
  struct packet packet;
  bool remembered;
  for (;;) {
    long count = packet_walk_next(walk, &packet, &remembered);
    if (count == -EAGAIN)
      return 0;
    if (count < 0)
      return refuse_to_save(error, message, count, "looking at what is queued");
    int failed = put_one(sink, &packet.sender, count, error);
    if (failed)
      return failed;
  }
}

int udp_queue_put(struct resource_sink *sink, const Descriptor *message,
                  int socket, struct hwckpt_error *error) {
  struct pollfd look_for = {socket, POLLIN, 0};
  struct looking looking = {socket,
                            (char *)sink->scratch + RESOURCE_SCRATCH_DATA,
                            RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA};
  struct packet_walk walk;
  SYS(poll, &look_for, 1, 0);
  if (!(look_for.revents & POLLIN) || look_for.revents & POLLERR)
    return 0;
  long result = packet_walk_begin(&walk, socket, look, &looking);
  if (result < 0)
    return refuse_to_save(error, message, result, "SO_PEEK_OFF");
  int failed = put_all(sink, message, &walk, error);
  packet_walk_end(&walk);
  return failed;
}

/* ---- sending again ---- */

static bool is_mapped(const union name *name) {
  return name->any.sa_family == AF_INET6 &&
         IN6_IS_ADDR_V4MAPPED(&name->six.sin6_addr);
}

/* Where the socket is reached by that sender: on the loopback interface, where
 * it has no address of its own. */
static void give_address(union name *own, const union name *from) {
  if (own->any.sa_family == AF_INET && !own->four.sin_addr.s_addr)
    own->four.sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
  if (own->any.sa_family != AF_INET6 ||
      !IN6_IS_ADDR_UNSPECIFIED(&own->six.sin6_addr))
    return;
  uint8_t *bytes = own->six.sin6_addr.s6_addr;
  if (is_mapped(from)) {
    memset(bytes + 10, 0xff, 2);
    bytes[12] = 127;
  }
  bytes[15] = 1;
}

static bool same(const union name *one, const union name *other) {
  if (one->any.sa_family != other->any.sa_family ||
      one->four.sin_port != other->four.sin_port)
    return false;
  return one->any.sa_family == AF_INET
             ? one->four.sin_addr.s_addr == other->four.sin_addr.s_addr
             : !memcmp(&one->six.sin6_addr, &other->six.sin6_addr, 16);
}

/* A socket with the sender's address, also one of another machine where that
 * is allowed (CAP_NET_ADMIN or CAP_NET_RAW). */
static long make_sender(const union name *from, int length) {
  int yes = 1;
  long fd = SYS(socket, from->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  SYS(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  SYS(setsockopt, fd, IPPROTO_IP, IP_TRANSPARENT, &yes, sizeof(yes));
  if (from->any.sa_family == AF_INET6)
    SYS(setsockopt, fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &yes, sizeof(yes));
  long result = SYS(bind, fd, from, length);
  if (result >= 0)
    return fd;
  SYS(close, fd);
  return result;
}

static long send_one(const struct resource_record *record,
                     const SocketControl *control, int socket) {
  union name own, from;
  uint32_t length = sizeof(own);
  memset(&own, 0, sizeof(own));
  memset(&from, 0, sizeof(from));
  if (control->name.size > sizeof(from))
    return -EINVAL;
  memcpy(&from, control->name.bytes, control->name.size);
  long result = SYS(getsockname, socket, &own, &length);
  if (result < 0)
    return result;
  give_address(&own, &from);
  long sender =
      same(&own, &from) ? socket : make_sender(&from, (int)control->name.size);
  if (sender < 0)
    return sender;
  result = SYS(sendto, sender, record->data, record->length,
               MSG_DONTWAIT | MSG_NOSIGNAL, &own, (int)length);
  if (sender != socket)
    SYS(close, sender);
  return result;
}

void udp_queue_send(struct resource_source *source, const Descriptor *message,
                    int socket) {
  SocketControl control = SocketControl_init_zero;
  for (size_t i = resource_first_own(source); i < source->at; i++) {
    const struct resource_record *record = &source->records[i];
    struct hwckpt_error error;
    long result = 0;
    if (record->type == RECORD_SOCKET_CONTROL)
      result = resource_get(record, SocketControl_fields, &control, &error)
                   ? -EINVAL
                   : 0;
    else if (record->type == RECORD_SOCKET_DATA)
      result = send_one(record, &control, socket);
    if (result < 0)
      resource_not_set(source, result, message->path,
                       "descriptor %d: a datagram that waited in it",
                       (int)message->number);
  }
}
