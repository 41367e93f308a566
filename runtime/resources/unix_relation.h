/* unix_relation.h - what unix sockets are to each other, which the kernel tells
 * by sock_diag(7). */
#ifndef HWCKPT_RESOURCES_UNIX_RELATION_H
#define HWCKPT_RESOURCES_UNIX_RELATION_H

#include "resource.h"

/* TCP's numbers, of unix sockets too. */
enum { SOCKET_ESTABLISHED = 1, SOCKET_CLOSE = 7, SOCKET_LISTEN = 10 };

struct unix_relation {
  uint32_t peer; /* inode, 0: none */
  uint8_t state; /* SOCKET_..., 0: the kernel does not tell */
  uint8_t shutdown;
  uint8_t type; /* SOCK_... */
  bool named;
  bool met; /* has a peer, or had one until that was closed */
  struct {
    uint32_t waiting, most; /* of one that listens: connections */
  } queues;
};

/* From begin to end, while the program stands still, nothing is asked twice. */
void unix_relations_begin(const struct resource_sink *sink);
void unix_relations_end(void);
/* In the program that came back: nothing was begun. */
void unix_relations_forget(void);

struct unix_relation unix_relation_of(uint64_t inode);
/* The file of a socket that has a name, as the kernel tells everybody: */
struct unix_file {
  uint64_t device; /* as stat(2) has it */
  uint32_t inode;  /* the lower half of it; 0: the kernel does not tell */
};
struct unix_file unix_file_of(uint64_t inode);
/* Whether the other end of its connection was closed. */
bool unix_has_ended(const struct unix_relation *relation);

/* Of one that listens: the sockets that wait to be accepted, in order, by their
 * inodes, 0: it is closed; how many. */
#define UNIX_WAITING_MOST 512u
size_t unix_waiting_at(uint64_t inode, uint32_t waiting[UNIX_WAITING_MOST]);
/* Whether one of the program's own sockets, or of its tree, waits to be
 * accepted by another one of them. */
bool unix_waits_inside(const struct resource_sink *sink, uint64_t inode);

/* The program's descriptor of the socket with this inode, or -1. */
int unix_number_of(const struct resource_sink *sink, uint32_t inode);

#endif
