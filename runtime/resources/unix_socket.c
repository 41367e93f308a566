/* unix_socket.c - unix sockets without a connection: fresh, bound, listening,
 * and datagram sockets whose peer has a name (/dev/log).
 *
 * Connections of the program itself that wait to be accepted are made again by
 * who has the socket that listens, in their order; others were seen to end.
 * Bytes that wait in them cannot be looked at: with those a checkpoint is
 * refused, the next has a chance. Datagrams that wait are sent again.
 * The file that a bound socket has is made again when all else is in place; one
 * in its place that nobody serves, such as that of the killed program, goes.
 * One that was renamed is made at the name that was bound and renamed again.
 *
 * A datagram socket is connected to its peer by name, or, where that is of the
 * program and its name does not lead to it any more, by its file. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "tree.h"
#include "unix_content.h"
#include "unix_file.h"
#include "unix_names.h"
#include "unix_reach.h"
#include "unix_relation.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

/* Whose peer is of another process waits so often for its name. */
#define PEER_MOMENTS 100u
#define PEER_MOMENT_NS 1000000
#define PATH offsetof(struct sockaddr_un, sun_path)
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1 /* linux/fs.h */
#endif

static bool is_named(int socket) {
  struct sockaddr_un name;
  uint32_t length = sizeof(name);
  return SYS(getpeername, socket, &name, &length) == 0 && length > PATH;
}

/* Of a connection that waits: it has sent bytes, which nobody can look at. */
static bool has_sent(uint64_t inode) {
  return unix_relation_of(inode).queues.most > 0;
}

/* With bytes in it, it is left to be reset where that is what the user wants.
 */
static bool comes_back(const struct resource_sink *sink, uint64_t inode) {
  return !sink->go_on || !has_sent(inode);
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  int fd = borrow_socket(sink, message);
  if (fd < 0)
    return false;
  bool is = false;
  if (socket_number(fd, SOL_SOCKET, SO_DOMAIN, -1) == AF_UNIX) {
    struct unix_relation relation = unix_relation_of(message->inode);
    is = relation.state == SOCKET_LISTEN || relation.state == SOCKET_CLOSE ||
         (relation.state == SOCKET_ESTABLISHED && !relation.peer &&
          comes_back(sink, message->inode) &&
          unix_waits_inside(sink, message->inode));
    if (socket_number(fd, SOL_SOCKET, SO_TYPE, 0) == SOCK_DGRAM)
      is = relation.state && (!relation.peer || is_named(fd));
  }
  SYS(close, fd);
  return is;
}

/* ---- saving ---- */

/* Whether it is made again as one that waits (recognise()). */
static bool is_of_program(const struct resource_sink *sink, uint64_t device,
                          uint32_t inode) {
  size_t count;
  const struct tree_fact *rows = tree_rows(sink, device, inode, &count);
  return (count ? rows->number : unix_number_of(sink, inode)) > 2 &&
         comes_back(sink, inode);
}

static void look_at_waiting(const struct resource_sink *sink,
                            const Descriptor *message, UnixSocket *is) {
  static uint32_t waiting[UNIX_WAITING_MOST];
  size_t found = unix_waiting_at(message->inode, waiting);
  pb_size_t count = 0;
  for (size_t i = 0; i < found; i++) {
    if (waiting[i] && !is_of_program(sink, message->device, waiting[i]))
      continue;
    is->waiting[count] = waiting[i];
    is->waiting_number[count] = unix_number_of(sink, waiting[i]);
    is->waiting_shutdown[count++] =
        waiting[i] ? unix_relation_of(waiting[i]).shutdown : 0;
  }
  is->waiting_count = is->waiting_number_count = is->waiting_shutdown_count =
      count;
}

/* Its own name leads elsewhere, or nowhere. */
static bool is_aside(const UnixSocket *is) {
  return is->unlinked || is->present.size || is->folder.size;
}

/* Whether one of the program's is connected to it. */
static bool is_met(const struct resource_sink *sink, uint64_t inode) {
  for (size_t i = 0; i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) &&
        unix_relation_of(sink->facts[i].inode).peer == inode)
      return true;
  return false;
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  static UnixSocket is;
  is = (UnixSocket)UnixSocket_init_zero;
  struct sockaddr_un name;
  struct unix_relation relation = unix_relation_of(message->inode);
  uint32_t length = sizeof(name);
  is.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  memset(&name, 0, sizeof(name));
  if (SYS(getsockname, socket, &name, &length) == 0 && length > PATH) {
    is.address.size = (pb_size_t)length;
    memcpy(is.address.bytes, &name, length);
    if (*name.sun_path && sink->another_root)
      return resource_unsupported(
          sink, error, message->path,
          "descriptor %d: a name in another root directory",
          (int)message->number);
    if (*name.sun_path)
      unix_file_look(socket, message->inode, name.sun_path, &is);
    if (*name.sun_path && is.unlinked && !unix_file_has_room(name.sun_path))
      return resource_unsupported(
          sink, error, message->path,
          "descriptor %d: its directory is gone and cannot be made again",
          (int)message->number);
  }
  length = sizeof(name);
  if (SYS(getpeername, socket, &name, &length) == 0 && length > PATH) {
    is.peer.size = (pb_size_t)length;
    memcpy(is.peer.bytes, &name, length);
  }
  is.inode = message->inode;
  if (is.type == SOCK_DGRAM) {
    is.peer_number = unix_number_of(sink, relation.peer);
    is.met = is_aside(&is) && is_met(sink, message->inode);
  }
  is.waits = relation.state == SOCKET_ESTABLISHED && is.type != SOCK_DGRAM;
  if (is.waits && has_sent(message->inode))
    return resource_unsupported(
        sink, error, message->path,
        "descriptor %d: bytes for who has not accepted the connection yet",
        (int)message->number);
  is.listens = relation.state == SOCKET_LISTEN;
  if (is.listens)
    look_at_waiting(sink, message, &is);
  is.backlog = relation.queues.most;
  int result =
      resource_put(sink, RECORD_UNIX_SOCKET, UnixSocket_fields, &is, error);
  if (!result)
    result =
        socket_options_save(sink, message, socket, AF_UNIX, is.type, 0, error);
  return result || is.type != SOCK_DGRAM || !is.address.size
             ? result
             : unix_content_put(sink, message, socket, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* ---- restoring ---- */

static int get(const struct resource_source *source, UnixSocket *is,
               struct hwckpt_error *error) {
  return resource_get_own(source, RECORD_UNIX_SOCKET, UnixSocket_fields, is,
                          error);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  static UnixSocket is;
  int failed = get(source, &is, error);
  if (failed)
    return failed;
  long fd = SYS(socket, AF_UNIX, is.type | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "socket");
  socket_options_restore(source, (int)fd);
  SYS(fcntl, fd, F_SETFL, message->flags);
  if (is.waits && source->give &&
      (failed = tree_hand_on(source, TREE_SOCKET, is.inode, (int)fd, error)))
    return failed;
  return (int)fd;
}

/* Whether nobody has the socket at this name bound. */
static bool is_deserted(const UnixSocket *is, const struct unix_name *name) {
  long probe = SYS(socket, AF_UNIX, is->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0)
    return false;
  long result = SYS(connect, probe, &name->name, (int)name->length);
  SYS(close, probe);
  return result == -ECONNREFUSED;
}

/* What is at its name, a path in `path`; "": it has none. */
static bool has_file(const UnixSocket *is, char path[], struct stat *status) {
  memset(path, 0, sizeof(struct sockaddr_un));
  if (is->address.size > PATH)
    memcpy(path, is->address.bytes + PATH, is->address.size - PATH);
  return *path &&
         SYS(newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Its file, at a path that may be longer than a name; O_PATH or negative. */
static long open_file(const char *path) {
  return SYS(openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

static bool is_deserted_at(const UnixSocket *is, const char *path) {
  long file = open_file(path);
  if (file < 0)
    return false;
  struct unix_name name = unix_reach_file((int)file);
  bool deserted = is_deserted(is, &name);
  SYS(close, file);
  return deserted;
}

/* A new owner takes bits of the mode. Who may not give files away keeps it. */
static void give_away(struct resource_source *source, const Descriptor *message,
                      const UnixSocket *is, const char *path) {
  struct stat status;
  long result = 0;
  if (is->owned &&
      SYS(newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      (status.st_uid != is->user || status.st_gid != is->group))
    result =
        SYS(fchownat, AT_FDCWD, path, is->user, is->group, AT_SYMLINK_NOFOLLOW);
  if (is->mode)
    SYS(fchmodat, AT_FDCWD, path, is->mode);
  if (result < 0)
    resource_not_set(source, result, message->path,
                     "descriptor %d: the owner of its file",
                     (int)message->number);
}

/* Nothing that is at its first name by now is touched. *file is its file. */
static long bind_and_rename(struct resource_source *source,
                            const Descriptor *message, const UnixSocket *is,
                            const struct unix_name *name, int descriptor,
                            long *file) {
  static char present[sizeof(is->present.bytes) + 1];
  char path[sizeof(struct sockaddr_un)];
  struct stat status;
  memset(present, 0, sizeof(present));
  memcpy(present, is->present.bytes, is->present.size);
  if (has_file(is, path, &status))
    return -EADDRINUSE;
  bool is_there =
      SYS(newfstatat, AT_FDCWD, present, &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_there && !(S_ISSOCK(status.st_mode) && is_deserted_at(is, present)))
    return -EADDRINUSE;
  long result = SYS(bind, descriptor, &name->name, (int)name->length);
  if (result < 0)
    return result;
  give_away(source, message, is, path);
  *file = open_file(path);
  result = SYS(renameat2, AT_FDCWD, path, AT_FDCWD, present,
               is_there ? 0 : RENAME_NOREPLACE);
  if (result == -EINVAL && !is_there) /* not on every file system */
    result = SYS(renameat, AT_FDCWD, path, AT_FDCWD, present);
  if (result < 0)
    SYS(unlinkat, AT_FDCWD, path, 0);
  return result;
}

/* A file that it does not have any more is taken away again when all have
 * connected that wait for it (*passing); what is in its place now stays. */
static long bind_again(struct resource_source *source,
                       const Descriptor *message, const UnixSocket *is,
                       const struct unix_name *name, int descriptor,
                       bool *passing, long *file) {
  struct stat status;
  char path[sizeof(struct sockaddr_un)];
  if (is->present.size)
    return bind_and_rename(source, message, is, name, descriptor, file);
  bool is_there = has_file(is, path, &status);
  *passing = is->unlinked && !is_there;
  if (is->unlinked && is_there)
    return unix_names_bind_locked(descriptor, name, file);
  if (is_there && S_ISSOCK(status.st_mode) && is_deserted(is, name))
    SYS(unlinkat, AT_FDCWD, path, 0);
  long result = SYS(bind, descriptor, &name->name, (int)name->length);
  if (result >= 0 && *path) {
    give_away(source, message, is, path);
    *file = is->met ? open_file(path) : -ENOENT;
  }
  return result;
}

/* The directories of a name whose file was removed, where they are not there,
 * for the moment: path[0 .. *first] is the first of them; 0: none. */
static void make_folders(const UnixSocket *is, char path[], size_t *first) {
  struct stat status;
  *first = 0;
  if (!is->unlinked || has_file(is, path, &status))
    return;
  for (size_t i = 1; path[0] && path[i]; i++) {
    if (path[i] != '/')
      continue;
    path[i] = 0;
    long result = SYS(mkdirat, AT_FDCWD, path, 0700);
    path[i] = '/';
    if (result == 0 && !*first)
      *first = i;
  }
}

/* One in which others have made something meanwhile stays. */
static void remove_folders(char path[], size_t first) {
  for (size_t i = first ? strlen(path) : 0; i && i >= first; i--) {
    if (path[i] != '/')
      continue;
    path[i] = 0;
    SYS(unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
  }
}

/* One that is closed since is connected too: there is an end to be read. */
static long connect_one(struct resource_source *source,
                        const Descriptor *message, const UnixSocket *is,
                        const struct unix_name *name, size_t which,
                        struct hwckpt_error *error) {
  bool own = is->waiting[which] && is->waiting_number[which] >= 0;
  long fd = is->waiting_number[which];
  if (!is->waiting[which])
    fd = SYS(socket, AF_UNIX, is->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  else if (!own && !source->take)
    return 0; /* it was connected by somebody else */
  else if (!own)
    fd = tree_receive(source, TREE_SOCKET, is->waiting[which], message, error);
  if (fd < 0)
    return fd;
  long lock = unix_names_lock(name);
  long result = SYS(connect, fd, &name->name, (int)name->length);
  if (lock >= 0)
    SYS(close, lock);
  if (result >= 0 && is->waiting_shutdown[which])
    SYS(shutdown, fd, is->waiting_shutdown[which] - 1);
  if (!own)
    SYS(close, fd);
  return result;
}

static void connect_waiting(struct resource_source *source,
                            const Descriptor *message, const UnixSocket *is,
                            const struct unix_name *name) {
  struct hwckpt_error error;
  size_t count = is->waiting_count;
  if (is->waiting_number_count != count || is->waiting_shutdown_count != count)
    return;
  for (size_t i = 0; i < count; i++) {
    long result = connect_one(source, message, is, name, i, &error);
    if (result < 0)
      resource_not_set(source, result, message->path,
                       "descriptor %d: a connection that waits for it",
                       (int)message->number);
  }
}

static int bind_and_fill(struct resource_source *source,
                         const Descriptor *message, int descriptor,
                         const UnixSocket *is, struct hwckpt_error *error) {
  bool passing = false;
  long file = -ENOENT;
  char path[sizeof(struct sockaddr_un)], folders[sizeof(path)] = "";
  struct stat status;
  struct unix_name name = {.length = is->address.size};
  memcpy(&name.name, is->address.bytes, name.length);
  size_t made;
  make_folders(is, folders, &made);
  /* What other processes have accepted gets the same name. */
  long lock = unix_names_lock(&name);
  const char *what = "bind";
  long result = name.length ? bind_again(source, message, is, &name, descriptor,
                                         &passing, &file)
                            : 0;
  if (result >= 0 && is->listens) {
    what = "listen";
    result = SYS(listen, descriptor, is->backlog);
  }
  if (lock >= 0)
    SYS(close, lock);
  if (result >= 0) {
    struct unix_name reached = file < 0 ? name : unix_reach_file((int)file);
    if (is->listens)
      connect_waiting(source, message, is, &reached);
    if (unix_content_any(source))
      unix_content_send_to(source, message, &reached);
  }
  if (file >= 0 && is->met)
    unix_reach_hold(descriptor, (int)file);
  else if (file >= 0)
    SYS(close, file);
  if (result >= 0 && passing && has_file(is, path, &status))
    SYS(unlinkat, AT_FDCWD, path, 0);
  remove_folders(folders, made);
  if (result < 0)
    return refuse_to_restore(error, message, result, what);
  return 0;
}

/* In the directory that its name and its peer's are relative to. */
static int in_folder(struct resource_source *source, const Descriptor *message,
                     int descriptor, struct hwckpt_error *error,
                     int (*act)(struct resource_source *source,
                                const Descriptor *message, int descriptor,
                                const UnixSocket *is,
                                struct hwckpt_error *error)) {
  static UnixSocket is;
  char folder[sizeof(is.folder.bytes) + 1] = "";
  int failed = get(source, &is, error);
  if (failed || !is.folder.size)
    return failed ? failed : act(source, message, descriptor, &is, error);
  memcpy(folder, is.folder.bytes, is.folder.size);
  long here = SYS(openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  long result = here < 0 ? here : SYS(chdir, folder);
  if (result >= 0)
    failed = act(source, message, descriptor, &is, error);
  if (here >= 0) {
    SYS(fchdir, here);
    SYS(close, here);
  }
  return result < 0 ? refuse_to_restore(error, message, result, folder)
                    : failed;
}

static int settle(struct resource_source *source, const Descriptor *message,
                  int descriptor, struct hwckpt_error *error) {
  return in_folder(source, message, descriptor, error, bind_and_fill);
}

/* Other processes of the tree bind theirs meanwhile. */
static long connect_by_name(const struct resource_source *source,
                            const UnixSocket *is, int descriptor) {
  const struct timespec moment = {.tv_nsec = PEER_MOMENT_NS};
  long result = 0;
  for (unsigned i = 0; i < PEER_MOMENTS; i++) {
    result = SYS(connect, descriptor, is->peer.bytes, (int)is->peer.size);
    if ((result != -ECONNREFUSED && result != -ENOENT) || !source->take)
      break;
    SYS(nanosleep, &moment, 0);
  }
  return result;
}

static int connect_peer(struct resource_source *source,
                        const Descriptor *message, int descriptor,
                        const UnixSocket *is, struct hwckpt_error *error) {
  long result;
  (void)error;
  if (is->waits || !is->peer.size)
    return 0;
  struct unix_name held = unix_reach_of(is->peer_number);
  result = held.length ? SYS(connect, descriptor, &held.name, (int)held.length)
                       : connect_by_name(source, is, descriptor);
  if (result < 0)
    resource_not_set(source, result, message->path, "descriptor %d: connect",
                     (int)message->number);
  return 0;
}

static int meet(struct resource_source *source, const Descriptor *message,
                int descriptor, struct hwckpt_error *error) {
  return in_folder(source, message, descriptor, error, connect_peer);
}

const struct descriptor_kind hwckpt_descriptor_unix_socket = {
    .name = "unix socket",
    .kind = DescriptorKind_DESCRIPTOR_UNIX_SOCKET,
    .recognise = recognise,
    .save = save,
    .open = make,
    .settle = settle,
    .meet = meet,
    .met = unix_reach_end,
};
