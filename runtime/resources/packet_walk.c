/* packet_walk.c - see packet_walk.h. Source: socket(7), and the kernel's
 * net/core/datagram.c.
 *
 * An empty packet that was looked at is passed over from then on, unless it is
 * the first. So those are remembered, by the packet that they are behind. Which
 * of them still wait the first one tells: a packet keeps the time at which it
 * came, or was looked at with SO_TIMESTAMPNS, and no other has the same. */
#include "packet_walk.h"

#include "../arch/sys.h"

#include <asm/socket.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Of all sockets. After a restore or a rollback, which make them anew, none of
 * the marks is anybody's. */
#define REMEMBERED 512u

static struct {
  size_t count;
  struct remembered {
    uint64_t inode, behind;
    bool given; /* in the walk that goes on */
    struct packet is;
  } all[REMEMBERED];
} known;

int packet_option(int socket, int name, int otherwise) {
  int value = 0;
  uint32_t length = sizeof(value);
  return SYS(getsockopt, socket, SOL_SOCKET, name, &value, &length) < 0
             ? otherwise
             : value;
}

long packet_set_option(int socket, int name, int value) {
  return SYS(setsockopt, socket, SOL_SOCKET, name, &value, sizeof(value));
}

/* One at most is on. */
static int times_of(int socket) {
  static const int names[] = {SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD,
                              SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW};
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    if (packet_option(socket, names[i], 0) > 0)
      return names[i];
  return 0;
}

uint64_t packet_mark(const struct cmsghdr *header) {
  struct timespec time;
  if (header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SO_TIMESTAMPNS_OLD ||
      header->cmsg_len != CMSG_LEN(sizeof(time)))
    return 0;
  memcpy(&time, CMSG_DATA(header), sizeof(time));
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

long packet_walk_begin(struct packet_walk *walk, int socket,
                       long (*look)(void *context, struct packet *packet),
                       void *context) {
  struct stat facts;
  *walk = (struct packet_walk){.socket = socket,
                               .look = look,
                               .context = context,
                               .before = packet_option(socket, SO_PEEK_OFF, -1),
                               .times = times_of(socket)};
  long result = SYS(fstat, socket, &facts);
  if (result >= 0)
    result = packet_set_option(socket, SO_PEEK_OFF, 0);
  if (result < 0)
    return result;
  walk->inode = facts.st_ino;
  for (size_t i = 0; i < known.count; i++)
    known.all[i].given &= known.all[i].inode != walk->inode;
  packet_set_option(socket, SO_TIMESTAMPNS_OLD, 1);
  return 0;
}

/* When there is no room the oldest is forgotten. */
static void remember(struct packet_walk *walk, const struct packet *packet) {
  if (!packet->mark)
    return;
  if (known.count == REMEMBERED) {
    memmove(known.all, known.all + 1, --known.count * sizeof(*known.all));
    walk->at -= walk->at > 0;
  }
  known.all[known.count++] =
      (struct remembered){walk->inode, walk->behind, true, *packet};
}

/* An empty one, as the first; those that were behind it are to come. */
static void begin_with(struct packet_walk *walk, const struct packet *packet) {
  for (size_t i = 0; i < known.count; i++) {
    struct remembered *one = &known.all[i];
    if (one->inode != walk->inode || one->is.mark != packet->mark)
      continue;
    one->given = true;
    walk->behind = one->behind;
    walk->at = i + 1;
    return;
  }
  remember(walk, packet);
  walk->at = known.count;
}

static const struct remembered *next_remembered(struct packet_walk *walk) {
  for (; walk->at < known.count; walk->at++) {
    struct remembered *one = &known.all[walk->at];
    if (one->inode != walk->inode || one->behind != walk->behind || one->given)
      continue;
    one->given = true;
    return one;
  }
  return 0;
}

static long look_at_first(struct packet_walk *walk, struct packet *packet) {
  packet_set_option(walk->socket, SO_PEEK_OFF, -1);
  long length = walk->look(walk->context, packet);
  packet_set_option(walk->socket, SO_PEEK_OFF, 0);
  if (length == 0)
    begin_with(walk, packet);
  return length;
}

static long look_at_next(struct packet_walk *walk, struct packet *packet) {
  long length = walk->look(walk->context, packet);
  if (length == 0)
    remember(walk, packet);
  if (length > 0) {
    walk->behind = packet->mark;
    walk->at = packet->mark ? 0 : known.count;
  }
  return length;
}

long packet_walk_next(struct packet_walk *walk, struct packet *packet,
                      bool *remembered) {
  long length = 1;
  *remembered = false;
  if (!walk->begun)
    length = look_at_first(walk, packet);
  if (!walk->begun && length > 0)
    walk->at = known.count; /* all that were before it are gone */
  walk->begun = true;
  if (length > 0) {
    const struct remembered *one = next_remembered(walk);
    *remembered = one != 0;
    if (one)
      *packet = one->is;
    length = one ? 0 : look_at_next(walk, packet);
  }
  walk->over = length == -EAGAIN;
  return length;
}

/* What was not given has been received. */
static void forget(uint64_t inode) {
  size_t left = 0;
  for (size_t i = 0; i < known.count; i++)
    if (known.all[i].inode != inode || known.all[i].given)
      known.all[left++] = known.all[i];
  known.count = left;
}

void packet_walk_end(struct packet_walk *walk) {
  packet_set_option(walk->socket, SO_PEEK_OFF, walk->before);
  packet_set_option(walk->socket,
                    walk->times ? walk->times : SO_TIMESTAMPNS_OLD,
                    walk->times != 0);
  if (walk->over)
    forget(walk->inode);
}
