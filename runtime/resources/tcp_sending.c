/* tcp_sending.c - see tcp_sending.h.
 *
 * A socket is in repair for a few system calls only, without a look at another
 * one in between: meanwhile it neither tells its peer of anything nor loses
 * what comes. */
#include "tcp_sending.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "socket_options.h"
#include "tcp_peer.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* ---- in repair ---- */

static long begin_repair(int socket, int *reuse) {
  int on = TCP_REPAIR_ON;
  *reuse = socket_number(socket, SOL_SOCKET, SO_REUSEADDR, 0);
  return SYS(setsockopt, socket, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
}

/* The kernel forgets with it that the name may be used again. */
static void end_repair(int socket, int reuse) {
  int silently = TCP_REPAIR_OFF_NO_WP, off = TCP_REPAIR_OFF;
  if (SYS(setsockopt, socket, IPPROTO_TCP, TCP_REPAIR, &silently,
          sizeof(silently)) < 0)
    SYS(setsockopt, socket, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off));
  SYS(setsockopt, socket, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
}

static long choose(int socket, int queue) {
  return SYS(setsockopt, socket, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue,
             sizeof(queue));
}

static long number_of(int socket, uint32_t *number) {
  uint32_t length = sizeof(*number);
  return SYS(getsockopt, socket, IPPROTO_TCP, TCP_QUEUE_SEQ, number, &length);
}

/* ---- what is sent ---- */

/* Whether its end is told and not acknowledged: that has a number of its own.
 */
static bool is_ending(int socket) {
  int state = tcp_state_of(socket);
  return state == TCP_FIN_WAIT1 || state == TCP_CLOSING ||
         state == TCP_LAST_ACK;
}

static size_t not_acknowledged(int socket) {
  int left = 0;
  SYS(ioctl, socket, SIOCOUTQ, &left);
  return left > 0 ? (size_t)left - is_ending(socket) : 0;
}

/* In front of what is not acknowledged there may be some that is, in the same
 * piece of the kernel's. */
#define MORE ((size_t)1 << 20)

static long look(int socket, struct tcp_sending *sending) {
  uint32_t behind;
  long result = choose(socket, TCP_SEND_QUEUE);
  if (result >= 0)
    result = number_of(socket, &behind);
  if (result >= 0)
    result = SYS(recvfrom, socket, sending->map, sending->mapped,
                 MSG_PEEK | MSG_DONTWAIT, 0, 0);
  choose(socket, TCP_NO_QUEUE);
  if (result < 0)
    return result;
  size_t left = not_acknowledged(socket), got = (size_t)result;
  if (left > got || got == sending->mapped)
    return -EAGAIN;
  sending->begin = got - left;
  sending->end = got;
  sending->from = behind - is_ending(socket) - (uint32_t)left;
  return 0;
}

void tcp_sending_forget(struct tcp_sending *sending) {
  if (sending->mapped)
    SYS(munmap, sending->map, sending->mapped);
  *sending = (struct tcp_sending){0};
}

long tcp_sending_look(int socket, struct tcp_sending *sending) {
  int reuse;
  *sending = (struct tcp_sending){.mapped = not_acknowledged(socket) + MORE};
  sending->map = SYS(mmap, 0, sending->mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (sending->map < 0) {
    sending->mapped = 0;
    return sending->map;
  }
  long result = begin_repair(socket, &reuse);
  if (result >= 0) {
    result = look(socket, sending);
    end_repair(socket, reuse);
  }
  if (result < 0)
    tcp_sending_forget(sending);
  return result;
}

int tcp_sending_put(struct resource_sink *sink,
                    const struct tcp_sending *sending,
                    struct hwckpt_error *error) {
  const size_t room = RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA;
  int failed = 0;
  for (size_t at = sending->begin; !failed && at < sending->end;) {
    size_t left = sending->end - at, part = left < room ? left : room;
    failed = sink->put(sink, RECORD_SOCKET_SENDING,
                       (const char *)sending->map + at, part, error);
    at += part;
  }
  return failed;
}

/* ---- what has arrived ---- */

static bool arrived_to(int socket, uint32_t *number) {
  int reuse;
  if (begin_repair(socket, &reuse) < 0)
    return false;
  bool told =
      choose(socket, TCP_RECV_QUEUE) >= 0 && number_of(socket, number) >= 0;
  choose(socket, TCP_NO_QUEUE);
  int state = tcp_state_of(socket);
  end_repair(socket, reuse);
  /* Of the other's end, where that arrived too. */
  *number -=
      state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
  return told;
}

/* Duplicates of those that are held. */
#define HELD 64u
static LIVE struct {
  unsigned count;
  int socket[HELD];
} held;

bool tcp_deafen(int socket) {
  struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  struct sock_fprog what = {1, &nothing};
  uint32_t none = 0;
  return SYS(getsockopt, socket, SOL_SOCKET, SO_GET_FILTER, 0, &none) == 0 &&
         none == 0 &&
         SYS(setsockopt, socket, SOL_SOCKET, SO_ATTACH_FILTER, &what,
             sizeof(what)) >= 0;
}

void tcp_hear(int socket) {
  int unused = 0;
  SYS(setsockopt, socket, SOL_SOCKET, SO_DETACH_FILTER, &unused,
      sizeof(unused));
}

bool tcp_sending_hold(int socket, uint32_t *number) {
  long duplicate =
      held.count < HELD ? SYS(fcntl, socket, F_DUPFD_CLOEXEC, 0) : -EMFILE;
  if (duplicate < 0)
    return false;
  bool attached = tcp_deafen(socket);
  if (attached && arrived_to(socket, number)) {
    held.socket[held.count++] = (int)duplicate;
    return true;
  }
  if (attached)
    tcp_hear(socket);
  SYS(close, duplicate);
  return false;
}

void tcp_sending_let_go(void) {
  while (held.count) {
    int socket = held.socket[--held.count];
    tcp_hear(socket);
    SYS(close, socket);
  }
}
