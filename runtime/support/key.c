/* key.c - see key.h. */
#include "key.h"

#include "../arch/sys.h"
#include "../cache/cipher.h"
#include "key_abi.h"
#include "live.h"
#include "private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* The tool answers at once. */
#define WAIT_S 20

static LIVE uint32_t socket_number; /* 0: there is no key */

void key_is_at(const char *option) {
  socket_number = 0;
  for (; *option >= '0' && *option <= '9'; option++)
    socket_number = socket_number * 10 + (uint32_t)(*option - '0');
}

/* A negative errno, or 0. */
static long receive(int fd, struct key_message *message) {
  const struct timespec timeout = {WAIT_S, 0};
  struct pollfd socket = {.fd = fd, .events = POLLIN};
  long ready = SYS(ppoll, &socket, 1, &timeout, 0, 8);
  if (ready <= 0)
    return ready < 0 ? ready : -ETIMEDOUT;
  long got = SYS(recvfrom, fd, message, sizeof *message, 0, 0, 0);
  if (got < 0)
    return got;
  return got == sizeof *message && message->magic == KEY_MAGIC ? 0 : -EACCES;
}

static long ask(struct key_message *message) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = hwckpt_format(address.sun_path + 1, KEY_NAME_MAX, KEY_NAME,
                                socket_number);
  long fd = SYS(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  long result = SYS(connect, fd, &address,
                    offsetof(struct sockaddr_un, sun_path) + 1 + length);
  if (result == 0)
    result = receive((int)fd, message);
  SYS(close, fd);
  return result;
}

static int set_key(struct cache *cache, struct hwckpt_error *error) {
  struct key_message message = {0}; /* on a stack that is private memory */
  private_hide();
  long failed = ask(&message);
  if (failed == 0)
    cache_set_key(cache, &message.key, true);
  cipher_wipe(&message, sizeof message);
  return failed == 0 ? 0
                     : hwckpt_fail(error, HWCKPT_E_KEY_NOT_HANDED, (int)-failed,
                                   "hwckpt", "%s", "");
}

int key_open_cache(const char *path, bool create, struct cache **cache,
                   struct hwckpt_error *error) {
  int result = cache_open(&private_cache_env, path, create, cache, error);
  if (result < 0 || !socket_number)
    return result;
  result = set_key(*cache, error);
  if (result < 0) {
    cache_close(*cache);
    *cache = 0;
  }
  return result;
}
