/* tree_callers.h - processes that connect to the coordinator, and what they say
 * first.
 *
 * Invariant: nobody is waited for who has connected and says nothing: others
 * are served meanwhile, and after a while it is hung up.
 */
#ifndef HWCKPT_TREE_CALLERS_H
#define HWCKPT_TREE_CALLERS_H

#include "runtime/interface/tree_abi.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A connection from a process; its hello once it was heard. */
struct tree_caller {
  int fd;
  pid_t pid; /* in our own namespace */
  uint64_t since_ms;
  struct tree_message hello;
};

struct tree_callers {
  struct tree_caller *list;
  size_t count;
};

/* Adds one; without memory it is hung up. */
void tree_callers_add(struct tree_callers *callers,
                      const struct tree_caller *caller);

/* Takes the first of those who connected to the listener, which must not block,
 * or who did before and had nothing said: whoever has said hello by now. False:
 * nobody. */
bool tree_callers_next(struct tree_callers *silent, int listener,
                       struct tree_caller *caller);

/* Fills in whom to poll for that: silent->count + 1 of them. */
void tree_callers_watch(const struct tree_callers *silent, int listener,
                        struct pollfd *watched);

/* Whether a packet is a message of ours; its texts end then. */
bool tree_message_is_ours(struct tree_message *message, ssize_t length);

/* Tells a caller that there is nothing to be had, and hangs up. */
void tree_caller_refuse(struct tree_caller *caller);

#endif
