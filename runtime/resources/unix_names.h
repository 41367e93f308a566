/* unix_names.h - names of unix sockets that are connected to each other inside
 * the program.
 *
 * Who was accepted has the name of the socket that listened, and so have all
 * others that it accepted: they cannot be bound, which takes a name for itself.
 * An abstract name is got as then, by a listener for the moment; the name of a
 * file by binding the connected socket to it, after which the file that was
 * there before is put back. */
#ifndef HWCKPT_RESOURCES_UNIX_NAMES_H
#define HWCKPT_RESOURCES_UNIX_NAMES_H

#include "resource.h"

#include <sys/un.h>

struct unix_name {
  uint32_t length; /* 0: none */
  struct sockaddr_un name;
};

/* The socket's own; that of its peer. */
struct unix_name unix_name_of(int socket);
struct unix_name unix_peer_name_of(int socket);

/* Two sockets, connected, with the names of them that are abstract. ends[1] is
 * the one that was accepted when `second` says so. 0 or a negative errno; where
 * only a name cannot be had, *unnamed is that. */
long unix_names_connect(int type, const struct unix_name *first,
                        const struct unix_name *second, bool second_accepted,
                        int ends[2], long *unnamed);
/* As bind(2); waits for a while for a name that somebody has. */
long unix_names_bind_patiently(int socket, const struct unix_name *name);
/* Gives the connected socket its name, if that is of a file and it has none: 0
 * or a negative errno. Changes nothing on disk, in the end. */
long unix_names_bind(int socket, const struct unix_name *name);
/* While it does so another socket is at the name: keeps other processes from
 * that until what this returns is closed; negative: it is no file's, or its
 * directory cannot be opened. */
long unix_names_lock(const struct unix_name *name);
/* Of one that is not connected: it can be connected to, by the path of what
 * this returns in /proc/self/fd, until that is closed. */
long unix_names_bind_open(int socket, const struct unix_name *name);
/* As unix_names_bind(), by who has the lock. *file (null: not wanted) is its
 * file, O_PATH. */
long unix_names_bind_locked(int socket, const struct unix_name *name,
                            long *file);

#endif
