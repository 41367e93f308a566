/* key_service.c - see key_service.h. */
#include "key_service.h"
#include "key.h"
#include "options_text.h"
#include "proc_stat.h"

#include "runtime/support/key_abi.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAITING_MOST 64
#define STACK ((size_t)128 << 10)

static struct {
  int listener;
  uint32_t number; /* of the socket, 0: there is none */
} service = {.listener = -1};

static int refused(const char *what, struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_NO_PROGRAM, errno, what, "%s", "");
}

int key_service_begin(struct hwckpt_error *error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  uint32_t number;
  if (!key_taken())
    return 0;
  service.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (service.listener < 0)
    return refused("socket", error);
  for (;;) {
    if (getrandom(&number, sizeof number, 0) < 0)
      return refused("getrandom", error);
    size_t length =
        (size_t)snprintf(address.sun_path + 1, KEY_NAME_MAX, KEY_NAME, number);
    if (number &&
        !bind(service.listener, (struct sockaddr *)&address,
              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)))
      break;
    if (number && errno != EADDRINUSE)
      return refused("bind", error);
  }
  if (listen(service.listener, WAITING_MOST))
    return refused("listen", error);
  service.number = number;
  return 0;
}

int key_service_set_option(char *options, struct hwckpt_error *error) {
  char value[16];
  snprintf(value, sizeof value, "%u", service.number);
  return service.number ? options_set(options, "key", value, error) : 0;
}

static bool is_ours(int fd) {
  struct ucred who;
  socklen_t length = sizeof who;
  return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) &&
         who.uid == geteuid() && who.pid != getpid() &&
         proc_descends(who.pid, getpid());
}

static void give(int fd) {
  struct key_message message = {.magic = KEY_MAGIC};
  memcpy(message.key.bytes, key_taken()->bytes, sizeof message.key.bytes);
  (void)!send(fd, &message, sizeof message, MSG_NOSIGNAL);
  explicit_bzero(&message, sizeof message);
}

static void *serve(void *unused) {
  for (;;) {
    int fd = accept4(service.listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
      sleep(1); /* no descriptor is left; one will be */
    if (fd < 0)
      continue;
    if (is_ours(fd))
      give(fd);
    close(fd);
  }
  return unused;
}

int key_service_run(struct hwckpt_error *error) {
  pthread_t thread;
  pthread_attr_t attributes;
  if (!service.number)
    return 0;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK);
  errno = pthread_create(&thread, &attributes, serve, NULL);
  return errno ? refused("thread", error) : 0;
}
