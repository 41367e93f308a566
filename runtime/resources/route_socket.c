/* route_socket.c - netlink sockets that ask the kernel about its network
 * (NETLINK_ROUTE) and its sockets (NETLINK_SOCK_DIAG), or hear of its devices
 * (NETLINK_KOBJECT_UEVENT), with the groups whose news they get.
 *
 * What waits to be read was said of the machine as it was: with that a
 * checkpoint is refused, the next has a chance. What happens while the program
 * is not there, it does not learn. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Of these the kernel keeps nothing but the groups. */
static bool is_known(int protocol) {
  return protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG ||
         protocol == NETLINK_KOBJECT_UEVENT;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  int fd = borrow_socket(sink, message);
  if (fd < 0)
    return false;
  bool is = socket_number(fd, SOL_SOCKET, SO_DOMAIN, -1) == AF_NETLINK &&
            is_known(socket_number(fd, SOL_SOCKET, SO_PROTOCOL, -1));
  SYS(close, fd);
  return is;
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  RouteSocket is = RouteSocket_init_zero;
  struct sockaddr_nl name;
  uint32_t length = sizeof(name);
  char byte;
  if (SYS(recvfrom, socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT, 0, 0) >= 0)
    return resource_unsupported(sink, error, message->path,
                                "descriptor %d: an answer that is not read yet",
                                (int)message->number);
  memset(&name, 0, sizeof(name));
  SYS(getsockname, socket, &name, &length);
  is.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  is.protocol = socket_number(socket, SOL_SOCKET, SO_PROTOCOL, 0);
  is.port = name.nl_pid;
  uint32_t groups[sizeof(is.groups) / sizeof(is.groups[0])] = {name.nl_groups};
  length = sizeof(groups);
  SYS(getsockopt, socket, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, groups,
      &length);
  is.groups_count = sizeof(groups) / sizeof(groups[0]);
  memcpy(is.groups, groups, sizeof(groups));
  int result =
      resource_put(sink, RECORD_ROUTE_SOCKET, RouteSocket_fields, &is, error);
  return result ? result
                : socket_options_save(sink, message, socket, AF_NETLINK,
                                      is.type, is.protocol, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* Its number for the kernel is the process id as a rule, which may be taken
 * here: then the kernel chooses. */
static long bind_to(int socket, uint32_t port) {
  struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_pid = port};
  long result = SYS(bind, socket, &name, (int)sizeof(name));
  if (result != -EADDRINUSE)
    return result;
  name.nl_pid = 0;
  return SYS(bind, socket, &name, (int)sizeof(name));
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  RouteSocket is;
  int failed = resource_get_own(source, RECORD_ROUTE_SOCKET, RouteSocket_fields,
                                &is, error);
  if (failed)
    return failed;
  long fd = SYS(socket, AF_NETLINK, is.type | SOCK_CLOEXEC, is.protocol);
  long result = fd < 0 || !is.port ? fd : bind_to((int)fd, is.port);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                       message->path, "descriptor %d: netlink",
                       (int)message->number);
  for (unsigned i = 0; i < is.groups_count * 32; i++) {
    int group = (int)i + 1;
    if (is.groups[i / 32] >> i % 32 & 1 &&
        (result = SYS(setsockopt, fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
                      &group, sizeof(group))) < 0)
      resource_not_set(source, result, message->path, "descriptor %d: group %d",
                       (int)message->number, group);
  }
  socket_options_restore(source, (int)fd);
  SYS(fcntl, fd, F_SETFL, message->flags);
  return (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_route_socket = {
    .name = "route socket",
    .kind = DescriptorKind_DESCRIPTOR_ROUTE_SOCKET,
    .recognise = recognise,
    .save = save,
    .open = make,
};
