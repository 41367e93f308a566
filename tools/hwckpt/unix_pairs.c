/* unix_pairs.c - see unix_pairs.h.
 *
 * Who is to listen does so on a socket that the tool has bound and all have got
 * from it, and so does who is to connect; those that accepted sockets have a
 * name in common with share it. Where a name cannot be had the two are a pair
 * without, and the process that has them says so. */
#include "unix_pairs.h"
#include "command.h"
#include "status_message.h"

#include "runtime/resources/tree.h"
#include "runtime/resources/unix_names.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
  SocketPair is;
  int member;
  bool is_done;
};

struct ends {
  struct end *all;
  size_t count, room;
};

struct listener {
  struct unix_name name;
  int type, member;
  int socket;
  int file; /* its file, which has no name any more; -1: the name is abstract */
};

struct pair {
  uint64_t inodes[2]; /* of who is accepted, and of who connects */
  int type;
  int maker;    /* who connects */
  int listener; /* -1: they are made as a pair */
  int socket;   /* that connects */
};

struct unix_pairs {
  struct pair *pairs;
  struct listener *listeners;
  size_t count, listener_count;
  int turn; /* a file: of whoever has it locked a connection is accepted */
};

/* ---- what is recorded ---- */

static bool decode(const void *data, size_t length, SocketPair *is) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  *is = (SocketPair)SocketPair_init_zero;
  return pb_decode(&stream, SocketPair_fields, is);
}

static bool add(struct ends *ends, const struct end *end) {
  if (ends->count == ends->room) {
    size_t room = ends->room * 2 + 16;
    struct end *grown = reallocarray(ends->all, room, sizeof *grown);
    if (!grown)
      return false;
    ends->all = grown;
    ends->room = room;
  }
  ends->all[ends->count++] = *end;
  return true;
}

static bool collect(struct ends *ends, const struct assembly_plan *plan) {
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0; i < plan->count; i++) {
    struct end end = {.member = (int)i};
    for (size_t record = 0; cache_reader_record(
             plan->parts[i]->generation.reader, record, &type, &data, &length);
         record++)
      if (type == RECORD_SOCKET_PAIR && decode(data, length, &end.is) &&
          end.is.made && !add(ends, &end))
        return false;
  }
  return true;
}

static struct end *other_of(const struct ends *ends, const struct end *end) {
  for (size_t i = 0; i < ends->count; i++)
    if (ends->all[i].is.inode == end->is.peer_inode &&
        ends->all[i].is.peer_inode == end->is.inode)
      return &ends->all[i];
  return NULL;
}

static int member_of(const struct assembly_plan *plan, pid_t process,
                     int otherwise) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->parts[i]->generation.process.pid == process)
      return (int)i;
  return otherwise;
}

/* ---- names ---- */

static struct unix_name name_of(const SocketPair *is) {
  struct unix_name name = {.length = is->address.size};
  memcpy(&name.name, is->address.bytes, is->address.size);
  return name;
}

static bool is_abstract(const struct unix_name *name) {
  return name->length && !*name->name.sun_path;
}

/* Another process than the tool may be elsewhere. */
static bool is_path(const struct unix_name *name) {
  return name->length && *name->name.sun_path == '/';
}

static bool is_same(const struct unix_name *one,
                    const struct unix_name *other) {
  return one->length == other->length &&
         !memcmp(&one->name, &other->name, one->length);
}

static int make_socket(int type, const struct unix_name *name, int *file) {
  int made = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  long bound = 0;
  *file = -1;
  if (made >= 0 && is_abstract(name))
    bound = unix_names_bind_patiently(made, name);
  else if (made >= 0 && is_path(name))
    bound = *file = (int)unix_names_bind_open(made, name);
  if (bound >= 0)
    return made;
  close(made);
  return -1;
}

/* An abstract name is one socket's at a time, whoever listens there. */
static int find_listener(const struct unix_pairs *pairs, int type, int member,
                         const struct unix_name *name) {
  for (size_t i = 0; i < pairs->listener_count; i++) {
    const struct listener *is = &pairs->listeners[i];
    if (is->type == type && is_same(&is->name, name) &&
        (is->member == member || is_abstract(name)))
      return (int)i;
  }
  return -1;
}

static int listener_at(struct unix_pairs *pairs, int type, int member,
                       const struct unix_name *name) {
  int found = find_listener(pairs, type, member, name);
  if (found < 0) {
    found = (int)pairs->listener_count++;
    struct listener *is = &pairs->listeners[found];
    *is = (struct listener){.name = *name, .type = type, .member = member};
    is->socket = make_socket(type, name, &is->file);
  }
  return pairs->listeners[found].socket < 0 ? -1 : found;
}

/* ---- planning ---- */

/* As unix_names_connect() is asked to. */
static bool is_accepted(const SocketPair *is) {
  return is->address.size && is->peer_address.size ? is->inode > is->peer_inode
                                                   : is->address.size != 0;
}

static void plan_pair(struct unix_pairs *pairs,
                      const struct assembly_plan *plan,
                      const SocketPair *accepted, const SocketPair *connects,
                      int first) {
  struct pair *pair = &pairs->pairs[pairs->count++];
  struct unix_name name = name_of(accepted), own = name_of(connects);
  struct unix_name bound = is_abstract(&own) ? own : (struct unix_name){0};
  int listens = member_of(plan, connects->process, first), file;
  *pair = (struct pair){
      .inodes = {accepted->inode, connects->inode},
      .type = accepted->type,
      .maker = member_of(plan, accepted->process, first),
      .listener = -1,
      .socket = -1,
  };
  if (!is_abstract(&name) && (!is_path(&name) || listens == pair->maker))
    return;
  pair->socket = make_socket(pair->type, &bound, &file);
  if (pair->socket >= 0)
    pair->listener = listener_at(pairs, pair->type, listens, &name);
}

/* The other end of one that has no record is of nobody. */
static void plan_end(struct unix_pairs *pairs, const struct assembly_plan *plan,
                     struct end *end, struct end *other) {
  SocketPair peer = SocketPair_init_zero;
  peer.inode = end->is.peer_inode;
  peer.process = end->is.process;
  int first = end->member;
  if (other) {
    peer = other->is;
    first = other->member < first ? other->member : first;
    other->is_done = true;
  }
  end->is_done = true;
  if (is_accepted(&end->is))
    plan_pair(pairs, plan, &end->is, &peer, first);
  else
    plan_pair(pairs, plan, &peer, &end->is, first);
}

struct unix_pairs *unix_pairs_plan(const struct assembly_plan *plan,
                                   struct hwckpt_error *error) {
  static struct unix_pairs only; /* the tool restores one program */
  struct ends ends = {0};
  bool good = collect(&ends, plan);
  only.turn = -1;
  if (good && ends.count) {
    only.pairs = calloc(ends.count, sizeof *only.pairs);
    only.listeners = calloc(ends.count, sizeof *only.listeners);
    only.turn = memfd_create("hwckpt-turn", MFD_CLOEXEC);
    good = only.pairs && only.listeners;
  }
  for (size_t i = 0; good && i < ends.count; i++)
    if (!ends.all[i].is_done)
      plan_end(&only, plan, &ends.all[i], other_of(&ends, &ends.all[i]));
  free(ends.all);
  if (good)
    return &only;
  hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree", "%s",
              "unix sockets");
  return NULL;
}

static void close_if_open(int descriptor) {
  if (descriptor >= 0)
    close(descriptor);
}

void unix_pairs_close(const struct unix_pairs *pairs) {
  for (size_t i = 0; i < pairs->count; i++)
    close_if_open(pairs->pairs[i].socket);
  for (size_t i = 0; i < pairs->listener_count; i++) {
    close_if_open(pairs->listeners[i].socket);
    close_if_open(pairs->listeners[i].file);
  }
  close_if_open(pairs->turn);
}

/* ---- in the processes ---- */

void unix_pairs_listen(const struct unix_pairs *pairs, int member) {
  for (size_t i = 0; i < pairs->listener_count; i++)
    if (pairs->listeners[i].member == member)
      listen(pairs->listeners[i].socket, 1);
}

static bool call(int socket, const struct listener *listener) {
  struct unix_name name = listener->name;
  if (listener->file >= 0) {
    snprintf(name.name.sun_path, sizeof name.name.sun_path, "/proc/self/fd/%d",
             listener->file);
    name.length = sizeof name.name;
  }
  return !connect(socket, (const void *)&name.name, name.length);
}

/* One at a time: what is accepted is what connected. */
static bool connect_pair(const struct unix_pairs *pairs,
                         const struct pair *pair, int ends[2]) {
  const struct listener *listener = &pairs->listeners[pair->listener];
  ends[1] = pair->socket;
  ends[0] = -1;
  if (lockf(pairs->turn, F_LOCK, 1))
    return false;
  if (call(pair->socket, listener))
    ends[0] = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC);
  (void)!lockf(pairs->turn, F_ULOCK, 1);
  return ends[0] >= 0;
}

static int make(const struct unix_pairs *pairs, const struct pair *pair,
                int status, struct hwckpt_error *error) {
  int ends[2];
  bool good = (pair->listener >= 0 && connect_pair(pairs, pair, ends)) ||
              !socketpair(AF_UNIX, pair->type | SOCK_CLOEXEC, 0, ends);
  for (int i = 0; good && i < 2; i++)
    good = status_give(status, TREE_KEY(TREE_SOCKET, pair->inodes[i]), ends[i]);
  if (!good)
    return hwckpt_fail(error, HWCKPT_E_TREE_FILE, errno, "socketpair",
                       "unix sockets inside the program");
  close(ends[0]);
  close(ends[1]);
  return 0;
}

int unix_pairs_connect(const struct unix_pairs *pairs, int member, int status,
                       struct hwckpt_error *error) {
  int failed = 0;
  for (size_t i = 0; !failed && i < pairs->count; i++)
    if (pairs->pairs[i].maker == member)
      failed = make(pairs, &pairs->pairs[i], status, error);
  return failed;
}
