/* unix_socket.c - unix sockets without a connection: fresh, bound, listening,
 * and datagram sockets whose peer has a name (/dev/log).
 *
 * Connections that wait to be accepted are reset, datagrams that wait are lost.
 * The file that a bound socket has is made again when all else is in place; one
 * in its place that nobody serves, such as that of the killed program, goes. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "unix_relation.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATH offsetof(struct sockaddr_un, sun_path)

static bool is_named(int socket) {
  struct sockaddr_un name;
  uint32_t length = sizeof(name);
  return SYS(getpeername, socket, &name, &length) == 0 && length > PATH;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  int fd = borrow_socket(sink, message);
  if (fd < 0)
    return false;
  bool is = false;
  if (socket_number(fd, SOL_SOCKET, SO_DOMAIN, -1) == AF_UNIX) {
    struct unix_relation relation = unix_relation_of(message->inode);
    is = relation.state == SOCKET_LISTEN || relation.state == SOCKET_CLOSE;
    if (socket_number(fd, SOL_SOCKET, SO_TYPE, 0) == SOCK_DGRAM)
      is = relation.state && (!relation.peer || is_named(fd));
  }
  SYS(close, fd);
  return is;
}

/* ---- saving ---- */

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  UnixSocket is = UnixSocket_init_zero;
  struct sockaddr_un name;
  struct stat status;
  struct unix_relation relation = unix_relation_of(message->inode);
  uint32_t length = sizeof(name);
  is.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  memset(&name, 0, sizeof(name));
  if (SYS(getsockname, socket, &name, &length) == 0 && length > PATH) {
    is.address.size = (pb_size_t)length;
    memcpy(is.address.bytes, &name, length);
    if (*name.sun_path &&
        SYS(newfstatat, AT_FDCWD, name.sun_path, &status, 0) == 0)
      is.mode = status.st_mode & 07777;
  }
  length = sizeof(name);
  if (SYS(getpeername, socket, &name, &length) == 0 && length > PATH) {
    is.peer.size = (pb_size_t)length;
    memcpy(is.peer.bytes, &name, length);
  }
  is.listens = relation.state == SOCKET_LISTEN;
  is.backlog = relation.queues.most;
  int result =
      resource_put(sink, RECORD_UNIX_SOCKET, UnixSocket_fields, &is, error);
  return result ? result
                : socket_options_save(sink, socket, AF_UNIX, is.type, 0, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* ---- restoring ---- */

static int get(const struct resource_source *source, UnixSocket *is,
               struct hwckpt_error *error) {
  return resource_get_own(source, RECORD_UNIX_SOCKET, UnixSocket_fields, is,
                          error);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  UnixSocket is;
  int failed = get(source, &is, error);
  if (failed)
    return failed;
  long fd = SYS(socket, AF_UNIX, is.type | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "socket");
  socket_options_restore(source, (int)fd);
  SYS(fcntl, fd, F_SETFL, message->flags);
  return (int)fd;
}

/* Whether nobody has the socket at this name bound. */
static bool is_deserted(const UnixSocket *is) {
  long probe = SYS(socket, AF_UNIX, is->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0)
    return false;
  long result = SYS(connect, probe, is->address.bytes, (int)is->address.size);
  SYS(close, probe);
  return result == -ECONNREFUSED;
}

static long bind_again(const UnixSocket *is, int descriptor) {
  struct sockaddr_un name;
  struct stat status;
  memset(&name, 0, sizeof(name));
  memcpy(&name, is->address.bytes, is->address.size);
  bool has_file = name.sun_path[0];
  char path[sizeof(name.sun_path) + 1] = "";
  memcpy(path, name.sun_path, sizeof(name.sun_path));
  if (has_file &&
      SYS(newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISSOCK(status.st_mode) && is_deserted(is))
    SYS(unlinkat, AT_FDCWD, path, 0);
  long result = SYS(bind, descriptor, &name, (int)is->address.size);
  if (result >= 0 && has_file && is->mode)
    SYS(fchmodat, AT_FDCWD, path, is->mode);
  return result;
}

static int settle(struct resource_source *source, const Descriptor *message,
                  int descriptor, struct hwckpt_error *error) {
  UnixSocket is;
  int failed = get(source, &is, error);
  if (failed)
    return failed;
  long result = is.address.size ? bind_again(&is, descriptor) : 0;
  if (result < 0)
    return refuse_to_restore(error, message, result, "bind");
  if (is.listens && (result = SYS(listen, descriptor, is.backlog)) < 0)
    return refuse_to_restore(error, message, result, "listen");
  if (is.peer.size &&
      (result = SYS(connect, descriptor, is.peer.bytes, (int)is.peer.size)) < 0)
    resource_not_set(source, result, message->path, "descriptor %d: connect",
                     (int)message->number);
  return 0;
}

const struct descriptor_kind hwckpt_descriptor_unix_socket = {
    .name = "unix socket",
    .kind = DescriptorKind_DESCRIPTOR_UNIX_SOCKET,
    .recognise = recognise,
    .save = save,
    .open = make,
    .settle = settle,
};
