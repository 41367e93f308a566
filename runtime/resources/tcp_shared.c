/* tcp_shared.c - see tcp_shared.h. */
#include "tcp_shared.h"

#include <netinet/in.h>
#include <string.h>

static const void *address_of(const struct sockaddr_in6 *name, size_t *length) {
  const struct sockaddr_in *four = (const void *)name;
  bool is_six = name->sin6_family == AF_INET6;
  *length = is_six ? sizeof(name->sin6_addr) : sizeof(four->sin_addr);
  return is_six ? (const void *)&name->sin6_addr : &four->sin_addr;
}

static bool is_any(const void *address, size_t length) {
  static const struct in6_addr any;
  return !memcmp(address, &any, length);
}

static struct sockaddr_in6 name_of(const InternetSocket *socket) {
  struct sockaddr_in6 name = {0};
  memcpy(&name, socket->address.bytes,
         socket->address.size < sizeof(name) ? socket->address.size
                                             : sizeof(name));
  return name;
}

bool tcp_shares(const InternetSocket *one, const InternetSocket *other) {
  struct sockaddr_in6 name = name_of(one), name_other = name_of(other);
  size_t length, length_other;
  const void *address = address_of(&name, &length);
  const void *address_other = address_of(&name_other, &length_other);
  /* The port is at the same place in both families. */
  return one->listens && other->listens && one->inode != other->inode &&
         name.sin6_family == name_other.sin6_family &&
         name.sin6_port == name_other.sin6_port &&
         (is_any(address, length) || is_any(address_other, length) ||
          !memcmp(address, address_other, length));
}
