/* tcp_left.c - see tcp_left.h. Source: proc(5), /proc/net/tcp; Linux,
 * net/ipv4/tcp_ipv4.c. */
#include "tcp_left.h"

#include "../arch/sys.h"
#include "tcp_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#define LINE 256u /* longer than any */
#define STATE_TIME_WAIT 6

static uint32_t length_of(int family) {
  return family == AF_INET ? sizeof(struct sockaddr_in)
                           : sizeof(struct sockaddr_in6);
}

/* At most so many digits; *text is behind them. */
static uint32_t read_hexadecimal(const char **text, unsigned most) {
  uint32_t value = 0;
  for (; most; most--, ++*text) {
    unsigned digit = (unsigned char)**text;
    if (digit >= '0' && digit <= '9')
      value = value << 4 | (digit - '0');
    else if (digit >= 'A' && digit <= 'F')
      value = value << 4 | (digit - 'A' + 10);
    else
      break;
  }
  return value;
}

/* Words of 32 bits as they are in memory, and the port. */
static void read_name(const char **text, int family, union tcp_name *name) {
  uint32_t words[4] = {0};
  memset(name, 0, sizeof *name);
  for (unsigned i = 0; i < (family == AF_INET ? 1 : 4); i++)
    words[i] = read_hexadecimal(text, 8);
  name->any.sa_family = (sa_family_t)family;
  if (family == AF_INET)
    memcpy(&name->four.sin_addr, words, 4);
  else
    memcpy(&name->six.sin6_addr, words, 16);
  *text += **text == ':';
  name->four.sin_port = htons((uint16_t)read_hexadecimal(text, 4));
}

static bool call(const union tcp_name *called, const union tcp_name *caller) {
  int family = called->any.sa_family, yes = 1;
  long fd = SYS(socket, family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                IPPROTO_TCP);
  if (fd < 0)
    return false;
  SYS(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  long result = SYS(bind, fd, caller, length_of(family));
  if (!result)
    result = SYS(connect, fd, called, length_of(family));
  SYS(close, fd);
  return !result || result == -EINPROGRESS;
}

/* "  12: OWN:PORT PEER:PORT STATE ..." */
static bool free_line(const char *text, int family, in_port_t port) {
  union tcp_name own, peer;
  while (*text && *text != ':')
    text++;
  text += *text == ':';
  text += *text == ' ';
  read_name(&text, family, &own);
  text += *text == ' ';
  read_name(&text, family, &peer);
  text += *text == ' ';
  return own.four.sin_port == port &&
         read_hexadecimal(&text, 2) == STATE_TIME_WAIT && call(&own, &peer);
}

static bool free_listed(const char *path, int family, in_port_t port) {
  char text[4096];
  size_t length = 0;
  bool any = false;
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), got;
  if (fd < 0)
    return false;
  while ((got = SYS(read, fd, text + length, sizeof text - 1 - length)) > 0) {
    size_t at = 0;
    length += (size_t)got;
    for (size_t i = 0; i < length; i++)
      if (text[i] == '\n') {
        text[i] = 0;
        any |= free_line(text + at, family, port);
        at = i + 1;
      }
    length -= at;
    memmove(text, text + at, length);
    if (length > LINE)
      break;
  }
  SYS(close, fd);
  return any;
}

bool tcp_free_left(const void *address) {
  in_port_t port; /* at the same place in both families */
  memcpy(&port, (const char *)address + offsetof(struct sockaddr_in, sin_port),
         sizeof port);
  bool four = free_listed("/proc/self/net/tcp", AF_INET, port);
  bool six = free_listed("/proc/self/net/tcp6", AF_INET6, port);
  return four || six;
}
