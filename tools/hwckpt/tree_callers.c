/* tree_callers.c - see tree_callers.h. */
#include "tree_callers.h"
#include "tree_members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO_MS 2000

bool tree_message_is_ours(struct tree_message *message, ssize_t length) {
  return length == (ssize_t)sizeof *message &&
         tree_message_take(message, (size_t)length);
}

void tree_callers_add(struct tree_callers *callers,
                      const struct tree_caller *caller) {
  struct tree_caller *grown =
      realloc(callers->list, (callers->count + 1) * sizeof *callers->list);
  if (!grown) {
    close(caller->fd);
    return;
  }
  callers->list = grown;
  callers->list[callers->count++] = *caller;
}

static void take_out(struct tree_callers *callers, size_t i) {
  callers->count--;
  memmove(callers->list + i, callers->list + i + 1,
          (callers->count - i) * sizeof *callers->list);
}

/* 1: it said hello; 0: nothing yet; -1: it is nobody. */
static int hear(struct tree_caller *caller) {
  ssize_t length =
      recv(caller->fd, &caller->hello, sizeof caller->hello, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR))
    return tree_now_ms() - caller->since_ms < HELLO_MS ? 0 : -1;
  if (!tree_message_is_ours(&caller->hello, length) ||
      caller->hello.word != TREE_HELLO)
    return -1;
  return 1;
}

/* What is sent later may not wait for long either. */
static bool accept_one(int listener, struct tree_caller *caller) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  const struct timeval moment = {.tv_sec = HELLO_MS / 1000};
  *caller =
      (struct tree_caller){.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)};
  if (caller->fd < 0)
    return false;
  setsockopt(caller->fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
  caller->since_ms = tree_now_ms();
  if (getsockopt(caller->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
    caller->pid = peer.pid;
  return true;
}

bool tree_callers_next(struct tree_callers *silent, int listener,
                       struct tree_caller *caller) {
  for (size_t i = 0; i < silent->count;) {
    *caller = silent->list[i];
    int heard = hear(caller);
    if (heard == 0) {
      i++;
      continue;
    }
    take_out(silent, i);
    if (heard > 0)
      return true;
    close(caller->fd);
  }
  while (accept_one(listener, caller)) {
    int heard = hear(caller);
    if (heard > 0)
      return true;
    if (heard == 0)
      tree_callers_add(silent, caller);
    else
      close(caller->fd);
  }
  return false;
}

void tree_callers_watch(const struct tree_callers *silent, int listener,
                        struct pollfd *watched) {
  for (size_t i = 0; i < silent->count; i++)
    watched[i] = (struct pollfd){.fd = silent->list[i].fd, .events = POLLIN};
  watched[silent->count] = (struct pollfd){.fd = listener, .events = POLLIN};
}

void tree_caller_refuse(struct tree_caller *caller) {
  struct tree_message message = {.abi = TREE_ABI,
                                 .size = sizeof message,
                                 .word = TREE_ABORT,
                                 .cut = caller->hello.cut};
  send(caller->fd, &message, sizeof message, MSG_NOSIGNAL);
  close(caller->fd);
}
