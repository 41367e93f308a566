/* key.c - see key.h. */
#include "key.h"

#include "../arch/sys.h"
#include "../cache/cipher.h"
#include "key_abi.h"
#include "key_source.h"
#include "live.h"
#include "private.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* The tool answers at once. */
#define WAIT_S 20
/* A command may ask somebody. */
#define COMMAND_S 60

static LIVE struct key_place place;
/* What the command wrote: it is run once. */
static LIVE struct cache_key *_Atomic kept;

void key_is_at(const struct key_place *at) {
  place = *at;
  atomic_store(&kept, NULL); /* private memory, which is not there any more */
}

/* ---- from the tool ---- */

static uint32_t socket_number(const char *text) {
  uint32_t number = 0;
  for (; *text >= '0' && *text <= '9'; text++)
    number = number * 10 + (uint32_t)(*text - '0');
  return number;
}

/* A negative errno, or 0. */
static long receive(int fd, struct key_message *message) {
  const struct timespec timeout = {WAIT_S, 0};
  struct pollfd socket = {.fd = fd, .events = POLLIN};
  long ready = SYS(ppoll, &socket, 1, &timeout, 0, 8);
  if (ready <= 0)
    return ready < 0 ? ready : -ETIMEDOUT;
  long got = SYS(recvfrom, fd, message, sizeof *message, MSG_TRUNC, 0, 0);
  if (got < 0)
    return got;
  return key_message_is_whole(message, (size_t)got) ? 0 : -EACCES;
}

static long ask(struct key_message *message) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = hwckpt_format(address.sun_path + 1, KEY_NAME_MAX, KEY_NAME,
                                socket_number(place.tool));
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

static int take_from_tool(struct cache *cache, struct hwckpt_error *error) {
  struct key_message message = {0}; /* on a stack that is private memory */
  long failed = ask(&message);
  if (failed == 0)
    cache_set_key(cache, &message.key, true);
  cipher_wipe(&message, sizeof message);
  return failed == 0 ? 0
                     : hwckpt_fail(error, HWCKPT_E_KEY_NOT_HANDED, (int)-failed,
                                   "hwckpt", "%s", "");
}

/* ---- from the user ---- */

/* Of two threads that asked at once, one's is kept. */
static void keep(const struct cache_key *key) {
  struct cache_key *page = private_map(sizeof *page), *none = NULL;
  if (!page)
    return;
  *page = *key;
  if (!atomic_compare_exchange_strong(&kept, &none, page)) {
    cipher_wipe(page, sizeof *page);
    private_unmap(page, sizeof *page);
  }
}

static int take_from_user(struct cache *cache, struct hwckpt_error *error) {
  const struct timespec patience = {COMMAND_S, 0};
  const struct cache_key *known = atomic_load(&kept);
  struct cache_key key; /* on a stack that is private memory */
  int result = 0;
  if (known)
    key = *known;
  else if (*place.file && *place.command)
    result = hwckpt_fail(error, HWCKPT_E_KEY_SOURCE, 0, "key_file, key_command",
                         "one of them");
  else if (*place.file)
    result = key_source_file(place.file, &key, error);
  else
    result = key_source_command(place.command, place.directory, &patience, &key,
                                error);
  if (result == 0) {
    cache_set_key(cache, &key, true);
    if (*place.command && !known)
      keep(&key);
  }
  cipher_wipe(&key, sizeof key);
  return result;
}

int key_open_cache(const char *path, bool create, struct cache **cache,
                   struct hwckpt_error *error) {
  bool of_tool = place.tool && *place.tool;
  bool of_user = place.tool && (*place.file || *place.command);
  int result = cache_open(&private_cache_env, path, create, cache, error);
  if (result < 0 || !(of_tool || of_user))
    return result;
  private_hide();
  result =
      of_tool ? take_from_tool(*cache, error) : take_from_user(*cache, error);
  if (result < 0) {
    cache_close(*cache);
    *cache = 0;
  }
  return result;
}
