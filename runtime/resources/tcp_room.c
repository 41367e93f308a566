/* tcp_room.c - see tcp_room.h. */
#include "tcp_room.h"

#include "../arch/sys.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

/* The kernel closes the window before the buffer is full. */
#define EDGE ((size_t)64 << 10)

static int number_of(int socket, int level, int name) {
  int value = 0;
  uint32_t length = sizeof value;
  SYS(getsockopt, socket, level, name, &value, &length);
  return value;
}

static void set_number(int socket, int level, int name, int value) {
  SYS(setsockopt, socket, level, name, &value, sizeof value);
}

/* What it lets any socket have. */
static size_t most(void) {
  long socket = SYS(socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (socket < 0)
    return 0;
  set_number((int)socket, SOL_SOCKET, SO_RCVLOWAT, INT_MAX);
  int most = number_of((int)socket, SOL_SOCKET, SO_RCVLOWAT);
  SYS(close, socket);
  return most > 0 ? (size_t)most : 0;
}

/* Who waits for fewer bytes is told of them when it is set back. */
bool tcp_room_make(int socket, size_t bytes) {
  size_t wanted = bytes + bytes / 4 + EDGE;
  if (wanted > most())
    return false;
  int before = number_of(socket, SOL_SOCKET, SO_RCVLOWAT);
  int clamp = number_of(socket, IPPROTO_TCP, TCP_WINDOW_CLAMP);
  set_number(socket, SOL_SOCKET, SO_RCVLOWAT, (int)wanted);
  int got = number_of(socket, SOL_SOCKET, SO_RCVLOWAT);
  set_number(socket, SOL_SOCKET, SO_RCVLOWAT, before);
  if (number_of(socket, IPPROTO_TCP, TCP_WINDOW_CLAMP) != clamp)
    set_number(socket, IPPROTO_TCP, TCP_WINDOW_CLAMP, clamp);
  return got == (int)wanted;
}
