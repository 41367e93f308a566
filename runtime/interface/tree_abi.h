/* tree_abi.h - what the processes of a tree and their coordinator (the tool
 * that started or restored the program) say to each other for one checkpoint of
 * all of them. docs/trees.md tells the protocol.
 *
 * Each message is one packet of a SOCK_SEQPACKET socket. Both sides are of one
 * build, or the runtime is older than the tool: `size` and `abi` are compared,
 * and who finds them different gives up.
 */
#ifndef HWCKPT_INTERFACE_TREE_ABI_H
#define HWCKPT_INTERFACE_TREE_ABI_H

#include "../error.h"

#include <stdbool.h>
#include <stdint.h>

#define TREE_ABI 3u
/* The upper half of the stop signal's value; the lower one is the cut. */
#define TREE_MAGIC 0x68777472u
#define TREE_NAME "hwckpt-tree-%u" /* behind a byte that is 0 */
/* The coordinator has a datagram socket of this name from the first checkpoint
 * on that it takes. */
#define TREE_MARKER_NAME "hwckpt-cuts-%u"
#define TREE_NAME_MAX 32
/* An application's name, '/', a part's. */
#define TREE_APPLICATION 160
/* Whose content a member may have; no more than CACHE_RELATIVES. */
#define TREE_RELATIVES 4u

enum tree_word {
  TREE_HELLO = 1, /* member: pid, application, cut (0: by itself), event; error:
                   * it takes no part, and there is no checkpoint */
  TREE_PREPARE,   /* application, relatives, publish */
  TREE_BEGUN,     /* member: application, number, parent */
  TREE_PREPARED,  /* member: sections */
  TREE_AGAIN,     /* another round; it answers PREPARED again */
  TREE_CLOSE,     /* let no critical section begin */
  TREE_CLOSED,    /* member: closed; 0: one is open, others are let in */
  TREE_STOP,
  TREE_STOPPED,
  TREE_FACTS, /* struct tree_fact of resources/resource.h; any number of these
               */
  TREE_CAPTURE,
  TREE_CAPTURED,
  TREE_RESUME,
  TREE_WRITTEN,
  TREE_RECORD, /* to the root: a record's type and bytes; any number */
  TREE_COMMIT,
  TREE_COMMITTED,
  TREE_DONE,  /* application and number of the root */
  TREE_ABORT, /* error; its code 0: for now, ask again */
  TREE_FAILED /* member: error */
};

struct tree_message {
  uint32_t abi;
  uint32_t size; /* of this, without what follows it */
  uint32_t word;
  uint32_t cut; /* number of the checkpoint */
  int32_t pid;  /* as the member sees itself */
  uint32_t event, events;
  uint32_t type;      /* of a record; of other messages 0 */
  uint32_t length;    /* bytes that follow */
  int32_t member;     /* its number in the order of TreeMember records */
  uint32_t go_on;     /* HELLO: without processes that cannot take part */
  uint32_t publish;   /* to others, what it has when the rounds are done */
  uint32_t published; /* a bit for each relative that has */
  uint32_t hurry;     /* there are many, and few processors */
  uint32_t sections;  /* the program has such */
  uint32_t closed;
  uint64_t number, parent;
  char application[TREE_APPLICATION];
  char relatives[TREE_RELATIVES][TREE_APPLICATION]; /* "": none */
  char cause[128];
  struct hwckpt_error error;
};

/* Bytes that follow a message at most. */
#define TREE_PAYLOAD 32768u

/* Of `length` bytes that came, what follows included: whether it is one of this
 * version, whose texts end then. */
static inline bool tree_message_take(struct tree_message *message,
                                     size_t length) {
  message->application[TREE_APPLICATION - 1] = 0;
  for (unsigned i = 0; i < TREE_RELATIVES; i++)
    message->relatives[i][TREE_APPLICATION - 1] = 0;
  message->cause[sizeof message->cause - 1] = 0;
  hwckpt_error_end(&message->error);
  return length >= sizeof *message && message->abi == TREE_ABI &&
         message->size == sizeof *message &&
         message->length == length - sizeof *message;
}

#endif
