/* exchange.c - see exchange.h. */
#include "exchange.h"

#include "tools/restorer/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct offer {
  uint64_t key;
  int descriptor; /* given; of who waits, his socket */
};

struct list {
  struct offer *offers;
  size_t count, room;
};

struct exchange {
  struct list given, wanted;
};

static bool append(struct list *list, uint64_t key, int descriptor) {
  if (list->count == list->room) {
    size_t room = list->room * 2 + 16;
    struct offer *grown = reallocarray(list->offers, room, sizeof *grown);
    if (!grown)
      return false;
    list->offers = grown;
    list->room = room;
  }
  list->offers[list->count++] = (struct offer){key, descriptor};
  return true;
}

struct exchange *exchange_open(void) {
  return calloc(1, sizeof(struct exchange));
}

void exchange_close(struct exchange *exchange) {
  if (!exchange)
    return;
  for (size_t i = 0; i < exchange->given.count; i++)
    close(exchange->given.offers[i].descriptor);
  free(exchange->given.offers);
  free(exchange->wanted.offers);
  free(exchange);
}

bool exchange_send(int socket, uint32_t restores, int descriptor) {
  struct restore_go go = {restores};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof descriptor)];
  } control = {0};
  struct iovec content = {&go, sizeof go};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};
  if (descriptor >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof go;
}

bool exchange_give(struct exchange *exchange, uint64_t key, int descriptor) {
  struct list *wanted = &exchange->wanted;
  for (size_t i = 0; i < wanted->count;) {
    if (wanted->offers[i].key != key) {
      i++;
      continue;
    }
    exchange_send(wanted->offers[i].descriptor, 1, descriptor);
    wanted->offers[i] = wanted->offers[--wanted->count];
  }
  return append(&exchange->given, key, descriptor);
}

bool exchange_take(struct exchange *exchange, uint64_t key, int socket) {
  for (size_t i = 0; i < exchange->given.count; i++)
    if (exchange->given.offers[i].key == key) {
      exchange_send(socket, 1, exchange->given.offers[i].descriptor);
      return true;
    }
  return append(&exchange->wanted, key, socket);
}

size_t exchange_waiting(const struct exchange *exchange) {
  return exchange->wanted.count;
}
