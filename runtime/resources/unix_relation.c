/* unix_relation.c - see unix_relation.h. */
#include "unix_relation.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/sock_diag.h"

#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Copies what of this type is there, or its beginning; whether it is. */
static bool take(const struct nlmsghdr *answer, uint16_t type, void *to,
                 size_t most) {
  size_t length;
  const void *value =
      sock_diag_find(answer, sizeof(struct unix_diag_msg), type, &length);
  if (value)
    memcpy(to, value, length < most ? length : most);
  return value != 0;
}

static struct unix_relation relation_in(const struct nlmsghdr *answer) {
  size_t length;
  const struct unix_diag_msg *found = NLMSG_DATA(answer);
  struct unix_relation relation = {.state = found->udiag_state,
                                   .type = found->udiag_type};
  relation.met =
      take(answer, UNIX_DIAG_PEER, &relation.peer, sizeof(relation.peer));
  take(answer, UNIX_DIAG_SHUTDOWN, &relation.shutdown,
       sizeof(relation.shutdown));
  relation.named =
      sock_diag_find(answer, sizeof(*found), UNIX_DIAG_NAME, &length) != 0;
  take(answer, UNIX_DIAG_RQLEN, &relation.queues, sizeof(relation.queues));
  return relation;
}

/* ---- what was asked, while a checkpoint looks at all ---- */

/* Both tables are by inode, and lie in the scratch memory: */
struct known {
  uint32_t inode; /* 0: free */
  struct unix_relation relation;
};
#define KNOWN ((size_t)1 << 17)
#define NUMBERS ((size_t)1 << 18) /* indices of facts, and one; 0: free */
#define ANSWER ((size_t)32 << 10)
#define AT_NUMBERS (KNOWN * sizeof(struct known))
#define AT_ANSWER (AT_NUMBERS + NUMBERS * sizeof(uint32_t))
_Static_assert(RESOURCE_SCRATCH_UNIX + AT_ANSWER + ANSWER <= RESOURCE_SCRATCH,
               "the tables have room");

/* To ask for one the kernel goes through all of them: of more than these, it is
 * asked for all at once. */
#define FEW 32u

static LIVE struct {
  const struct resource_sink *sink; /* null: nobody looks */
  int netlink;
  struct known *known;
  size_t room; /* of `known`: a power of two; 0: empty so far */
  size_t count;
  uint32_t *numbers;
  size_t indexed; /* facts in `numbers` */
} asking;

void unix_relations_begin(const struct resource_sink *sink) {
  char *scratch = (char *)sink->scratch + RESOURCE_SCRATCH_UNIX;
  memset(&asking, 0, sizeof(asking));
  asking.sink = sink;
  asking.known = (void *)scratch;
  asking.numbers = (void *)(scratch + AT_NUMBERS);
  asking.netlink = -1;
}

void unix_relations_end(void) {
  if (asking.sink && asking.netlink >= 0)
    SYS(close, asking.netlink);
  asking.sink = 0;
}

void unix_relations_forget(void) { asking.sink = 0; }

static size_t sockets(const struct resource_sink *sink) {
  size_t count = 0;
  for (size_t i = 0; i < sink->fact_count; i++)
    count += S_ISSOCK(sink->facts[i].mode);
  return count;
}

/* A power of two with room for twice as many, at most `most`. */
static size_t room_for(size_t count, size_t most) {
  size_t room = 64;
  while (room < most && room < 2 * count)
    room *= 2;
  return room;
}

static struct known *place_of(uint32_t inode) {
  size_t at = inode * 0x9e3779b1u;
  while (asking.known[at % asking.room].inode &&
         asking.known[at % asking.room].inode != inode)
    at++;
  return &asking.known[at % asking.room];
}

static void keep(uint32_t inode, const struct unix_relation *relation) {
  if (!inode || asking.count >= asking.room / 4 * 3)
    return;
  struct known *place = place_of(inode);
  asking.count += !place->inode;
  place->inode = inode;
  place->relation = *relation;
}

#define SHOW (UDIAG_SHOW_PEER | UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN)

/* Of one socket; inode 0: of all. */
static void ask(int netlink, uint32_t inode, uint32_t show, void *buffer,
                size_t room, sock_diag_heard *heard, void *context) {
  const struct unix_diag_req what = {.sdiag_family = AF_UNIX,
                                     .udiag_states = ~0u,
                                     .udiag_ino = inode,
                                     .udiag_show = show,
                                     .udiag_cookie = {~0u, ~0u}};
  const struct sock_diag_question question = {
      &what, sizeof(what), .all = !inode, .head = sizeof(struct unix_diag_msg)};
  sock_diag_ask(netlink, &question, buffer, room, heard, context);
}

static void keep_answer(const struct nlmsghdr *answer, void *context) {
  const struct unix_diag_msg *found = NLMSG_DATA(answer);
  struct unix_relation relation = relation_in(answer);
  (void)context;
  keep(found->udiag_ino, &relation);
}

/* All sockets of the network namespace, or as many as there is room for. */
static void ask_for_all(void) {
  char *answers =
      (char *)asking.sink->scratch + RESOURCE_SCRATCH_UNIX + AT_ANSWER;
  ask(-1, 0, SHOW, answers, ANSWER, keep_answer, 0);
}

static void note_relation(const struct nlmsghdr *answer, void *context) {
  *(struct unix_relation *)context = relation_in(answer);
}

/* netlink: -1, one for this question. */
static struct unix_relation ask_for_one(int netlink, uint32_t inode) {
  _Alignas(8) char answer[1024];
  struct unix_relation relation = {0};
  if (inode)
    ask(netlink, inode, SHOW, answer, sizeof(answer), note_relation, &relation);
  return relation;
}

static struct unix_relation look_up(uint32_t inode) {
  if (!asking.room) {
    size_t count = sockets(asking.sink);
    asking.room = room_for(2 * count, KNOWN);
    memset(asking.known, 0, asking.room * sizeof(*asking.known));
    if (count > FEW)
      ask_for_all();
  }
  const struct known *place = place_of(inode);
  if (place->inode)
    return place->relation;
  if (asking.netlink < 0)
    asking.netlink = (int)sock_diag_open();
  struct unix_relation relation = {0};
  if (asking.netlink >= 0)
    relation = ask_for_one(asking.netlink, inode);
  keep(inode, &relation);
  return relation;
}

struct unix_relation unix_relation_of(uint64_t inode) {
  return asking.sink ? look_up((uint32_t)inode)
                     : ask_for_one(-1, (uint32_t)inode);
}

/* From the kernel's own number of a device to that of stat(2). */
static uint64_t device_of(uint32_t number) {
  uint32_t major = number >> 20, minor = number & 0xfffff;
  return (minor & 0xff) | (uint64_t)major << 8 | (minor & ~0xffu) << 12;
}

static void note_file(const struct nlmsghdr *answer, void *context) {
  take(answer, UNIX_DIAG_VFS, context, sizeof(struct unix_diag_vfs));
}

struct unix_file unix_file_of(uint64_t inode) {
  _Alignas(8) char answer[1024];
  struct unix_diag_vfs file = {0};
  ask(-1, (uint32_t)inode, UDIAG_SHOW_VFS, answer, sizeof(answer), note_file,
      &file);
  return (struct unix_file){device_of(file.udiag_vfs_dev), file.udiag_vfs_ino};
}

#define SHUT_BOTH 3 /* by who closes the other end */

bool unix_has_ended(const struct unix_relation *relation) {
  return relation->type != SOCK_DGRAM && relation->met && !relation->peer &&
         relation->state == SOCKET_ESTABLISHED &&
         relation->shutdown == SHUT_BOTH;
}

/* ---- the program's own ---- */

static void index_facts(const struct resource_sink *sink, size_t room) {
  memset(asking.numbers, 0, room * sizeof(*asking.numbers));
  for (size_t i = 0; i < sink->fact_count; i++) {
    if (!S_ISSOCK(sink->facts[i].mode))
      continue;
    size_t at = (uint32_t)sink->facts[i].inode * 0x9e3779b1u;
    while (asking.numbers[at % room])
      at++;
    asking.numbers[at % room] = (uint32_t)i + 1;
  }
  asking.indexed = sink->fact_count;
}

/* Of several the lowest: it is the first in the table too. */
static int find_in_index(const struct resource_sink *sink, uint32_t inode) {
  size_t room = room_for(sink->fact_count, NUMBERS);
  if (asking.indexed != sink->fact_count)
    index_facts(sink, room);
  for (size_t at = inode * 0x9e3779b1u; asking.numbers[at % room]; at++) {
    const struct descriptor_fact *fact =
        &sink->facts[asking.numbers[at % room] - 1];
    if (fact->inode == inode)
      return fact->number;
  }
  return -1;
}

int unix_number_of(const struct resource_sink *sink, uint32_t inode) {
  if (inode && asking.sink == sink)
    return find_in_index(sink, inode);
  for (size_t i = 0; inode && i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) && sink->facts[i].inode == inode)
      return sink->facts[i].number;
  return -1;
}

/* ---- who waits to be accepted ---- */

struct waiting {
  uint32_t *inodes;
  size_t count;
};

static void note_waiting(const struct nlmsghdr *answer, void *context) {
  struct waiting *waiting = context;
  size_t length = 0;
  const void *inodes = sock_diag_find(answer, sizeof(struct unix_diag_msg),
                                      UNIX_DIAG_ICONS, &length);
  if (!inodes || length > UNIX_WAITING_MOST * sizeof(uint32_t))
    return;
  memcpy(waiting->inodes, inodes, length);
  waiting->count = length / sizeof(uint32_t);
}

size_t unix_waiting_at(uint64_t inode, uint32_t waiting[UNIX_WAITING_MOST]) {
  _Alignas(8) char answer[UNIX_WAITING_MOST * sizeof(uint32_t) + 1024];
  struct waiting found = {waiting, 0};
  ask(-1, (uint32_t)inode, UDIAG_SHOW_ICONS, answer, sizeof(answer),
      note_waiting, &found);
  return found.count;
}

static bool waits_at(uint64_t listener, uint64_t inode) {
  uint32_t waiting[UNIX_WAITING_MOST];
  if (unix_relation_of(listener).state != SOCKET_LISTEN)
    return false;
  size_t count = unix_waiting_at(listener, waiting);
  for (size_t i = 0; i < count; i++)
    if (waiting[i] == inode)
      return true;
  return false;
}

bool unix_waits_inside(const struct resource_sink *sink, uint64_t inode) {
  for (size_t i = 0; i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) && waits_at(sink->facts[i].inode, inode))
      return true;
  for (size_t i = 0; sink->tree && i < sink->tree_count; i++)
    if (S_ISSOCK(sink->tree[i].mode) && waits_at(sink->tree[i].inode, inode))
      return true;
  return false;
}
