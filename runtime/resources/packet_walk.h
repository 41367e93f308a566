/* packet_walk.h - what waits in a socket of packets or datagrams, one by one,
 * looked at without being taken; empty ones too, which the kernel shows once
 * to who goes on looking (SO_PEEK_OFF). The tools use it too. */
#ifndef HWCKPT_RESOURCES_PACKET_WALK_H
#define HWCKPT_RESOURCES_PACKET_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Who sent a packet. */
struct packet_sender {
  char name[110];       /* a socket address */
  uint32_t name_length; /* 0: it has none */
  bool has_process;
  struct {
    int32_t pid;
    uint32_t user, group;
  } process;
};

struct packet {
  uint64_t mark;    /* tells it from all others (packet_mark()); 0: nothing */
  bool with_rights; /* descriptors came with it */
  struct packet_sender sender;
};

struct packet_walk {
  int socket;
  /* Looks at the next packet: its length, or a negative errno. */
  long (*look)(void *context, struct packet *packet);
  void *context;
  int before, times; /* SO_PEEK_OFF; the option that times are told by */
  uint64_t inode;
  uint64_t behind; /* the mark of the last that was not empty; 0: none */
  size_t at;       /* remembered ones before this were given */
  bool begun, over;
};

/* 0 or a negative errno; with 0, packet_walk_end() is to follow. */
long packet_walk_begin(struct packet_walk *walk, int socket,
                       long (*look)(void *context, struct packet *packet),
                       void *context);
/* The length of the next; *remembered: look() was not asked, and the packet is
 * one without descriptors, or had some that cannot be had (with_rights).
 * -EAGAIN: there is no more; another negative errno. */
long packet_walk_next(struct packet_walk *walk, struct packet *packet,
                      bool *remembered);
void packet_walk_end(struct packet_walk *walk);

/* Options of a socket (SOL_SOCKET); `otherwise` where it has not that one. */
int packet_option(int socket, int name, int otherwise);
long packet_set_option(int socket, int name, int value);

/* In what came with a packet; 0: it is not there. */
uint64_t packet_mark(const struct cmsghdr *header);

#endif
