/* continued_calls.c - see continued_calls.h.
 *
 * The other call stands at an instruction of ours (arch_context_continue()),
 * where it may be interrupted, made again, captured and restored like any. What
 * it needs is in an entry of a table in the program's image, which the
 * instructions there free. A thread that never comes back to its own code, by
 * longjmp out of a handler, loses the program an entry; without one left, calls
 * end short as they do at any signal.
 */
#include "continued_calls.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "timed_waits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#define CALLS 256u
#define PIECES 16u /* of one transfer; a longer rest ends with the last */
#define MEMORY_DEVICES 1u

static struct continued {
  struct arch_continued call; /* first */
  uint64_t total;             /* what is asked of the other call */
  struct timespec left;
  struct pollfd poll;
  struct msghdr message;
  struct iovec pieces[PIECES];
} calls[CALLS];

static struct continued *claim(void) {
  for (unsigned i = 0; i < CALLS; i++) {
    uint32_t no = 0;
    if (atomic_compare_exchange_strong(&calls[i].call.taken, &no, 1))
      return &calls[i];
  }
  return 0;
}

/* ---- what a descriptor is ---- */

static bool blocks(int fd) {
  long flags = SYS(fcntl, fd, F_GETFL, 0);
  return flags >= 0 && !(flags & O_NONBLOCK);
}

static bool socket_option(int fd, int option, void *value, unsigned size) {
  return SYS(getsockopt, fd, SOL_SOCKET, option, value, &size) == 0;
}

static bool is_stream(int fd) {
  int type = 0;
  return socket_option(fd, SO_TYPE, &type, sizeof type) && type == SOCK_STREAM;
}

/* The time that waiting for the socket may take, 0: any. */
static uint64_t socket_timeout(int fd, int option) {
  struct timeval time = {0};
  socket_option(fd, option, &time, sizeof time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

static bool is_terminal(int fd) {
  char settings[128];
  return SYS(ioctl, fd, TCGETS, settings) == 0;
}

/* Blocking writes to these end when all is written. */
static bool takes_all(int fd) {
  struct stat status;
  if (SYS(fstat, fd, &status) < 0 || !blocks(fd))
    return false;
  return S_ISFIFO(status.st_mode) ||
         (S_ISCHR(status.st_mode) && is_terminal(fd)) ||
         (S_ISSOCK(status.st_mode) && is_stream(fd) &&
          !socket_timeout(fd, SO_SNDTIMEO));
}

/* Parts of a message on a socket of this machine may come with descriptors,
 * which end a read early. */
static bool gives_all(int fd, uint64_t flags) {
  int domain = AF_UNIX;
  return flags & MSG_WAITALL &&
         !(flags & (MSG_DONTWAIT | MSG_PEEK | MSG_ERRQUEUE)) && blocks(fd) &&
         is_stream(fd) && !socket_timeout(fd, SO_RCVTIMEO) &&
         socket_option(fd, SO_DOMAIN, &domain, sizeof domain) &&
         domain != AF_UNIX;
}

/* /dev/zero, random and their like fill what they are given. */
static bool is_memory_device(int fd) {
  struct stat status;
  return SYS(fstat, fd, &status) == 0 && S_ISCHR(status.st_mode) &&
         major(status.st_rdev) == MEMORY_DEVICES;
}

/* ---- transfers ---- */

enum shape { BYTES, VECTOR, MESSAGE, COUNT };

static const struct transfer {
  long number;
  enum shape shape;
  unsigned at, size; /* arguments: memory, and bytes or pieces in it */
} transfers[] = {
    {SYS_write, BYTES, 1, 2},     {SYS_sendto, BYTES, 1, 2},
    {SYS_recvfrom, BYTES, 1, 2},  {SYS_read, BYTES, 1, 2},
    {SYS_getrandom, BYTES, 0, 1}, {SYS_writev, VECTOR, 1, 2},
    {SYS_sendmsg, MESSAGE, 1, 1}, {SYS_recvmsg, MESSAGE, 1, 1},
    {SYS_sendfile, COUNT, 3, 3},
};

static const struct transfer *find_transfer(long number) {
  for (unsigned i = 0; i < sizeof transfers / sizeof *transfers; i++)
    if (transfers[i].number == number)
      return &transfers[i];
  return 0;
}

static bool ends_only_whole(long number, const ucontext_t *context) {
  int fd = (int)arch_context_argument(context, 0);
  switch (number) {
  case SYS_write:
  case SYS_writev:
  case SYS_sendfile:
    return takes_all(fd);
  case SYS_sendto:
    return !(arch_context_argument(context, 3) & MSG_DONTWAIT) && takes_all(fd);
  case SYS_sendmsg:
    return !(arch_context_argument(context, 2) & MSG_DONTWAIT) && takes_all(fd);
  case SYS_recvfrom:
    return gives_all(fd, arch_context_argument(context, 3));
  case SYS_recvmsg:
    return gives_all(fd, arch_context_argument(context, 2));
  case SYS_read:
    return is_memory_device(fd);
  default:
    return true;
  }
}

static const struct iovec *vector_of(const struct transfer *transfer,
                                     const ucontext_t *context,
                                     uint64_t *count) {
  uint64_t at = arch_context_argument(context, transfer->at);
  if (transfer->shape == MESSAGE) {
    const struct msghdr *message = (const struct msghdr *)at;
    *count = message->msg_iovlen;
    return message->msg_iov;
  }
  *count = arch_context_argument(context, transfer->size);
  return (const struct iovec *)at;
}

static bool in_pieces(const struct transfer *transfer) {
  return transfer->shape == VECTOR || transfer->shape == MESSAGE;
}

/* What the call was asked for. */
static uint64_t total(const struct transfer *transfer,
                      const ucontext_t *context) {
  if (!in_pieces(transfer))
    return arch_context_argument(context, transfer->size);
  uint64_t count, sum = 0;
  const struct iovec *vector = vector_of(transfer, context, &count);
  for (uint64_t i = 0; i < count; i++)
    sum += vector[i].iov_len;
  return sum;
}

/* The pieces behind the first `done` bytes; returns their number. */
static unsigned rest_of(struct iovec to[PIECES], const struct iovec *from,
                        uint64_t count, uint64_t done) {
  unsigned used = 0;
  for (uint64_t i = 0; i < count && used < PIECES; i++) {
    uint64_t skip = done < from[i].iov_len ? done : from[i].iov_len;
    done -= skip;
    if (from[i].iov_len > skip)
      to[used++] = (struct iovec){(char *)from[i].iov_base + skip,
                                  from[i].iov_len - skip};
  }
  return used;
}

/* The arguments of the call that does the rest, behind `done` of the one in the
 * context. Control messages went with the first part. */
static void set_rest(struct continued *entry, const struct transfer *transfer,
                     ucontext_t *context, uint64_t done) {
  uint64_t at = arch_context_argument(context, transfer->at);
  if (transfer->shape == BYTES)
    arch_context_set_argument(context, transfer->at, at + done);
  if (!in_pieces(transfer)) {
    arch_context_set_argument(context, transfer->size, entry->total - done);
    return;
  }
  uint64_t count;
  struct iovec rest[PIECES];
  const struct iovec *vector = vector_of(transfer, context, &count);
  unsigned used = rest_of(rest, vector, count, done);
  memcpy(entry->pieces, rest, used * sizeof *rest);
  if (transfer->shape == VECTOR) {
    arch_context_set_argument(context, transfer->at, (uint64_t)entry->pieces);
    arch_context_set_argument(context, transfer->size, used);
    return;
  }
  entry->message =
      (struct msghdr){.msg_iov = entry->pieces, .msg_iovlen = used};
  arch_context_set_argument(context, transfer->at, (uint64_t)&entry->message);
}

bool continued_transfer(long number, ucontext_t *context) {
  const struct transfer *transfer = find_transfer(number);
  uint64_t done = (uint64_t)arch_context_result(context);
  struct continued *entry = (struct continued *)arch_context_continued(context);
  if (!transfer || (entry && entry->call.waits))
    return false;
  uint64_t asked = total(transfer, context);
  if (done >= asked)
    return false;
  if (!entry) {
    entry = ends_only_whole(number, context) ? claim() : 0;
    if (!entry)
      return false;
    entry->call.waits = 0;
    entry->call.done = 0;
    arch_context_continue(context, &entry->call, number);
  }
  entry->call.done += done;
  entry->total = asked;
  set_rest(entry, transfer, context, done);
  arch_context_rewind_syscall(context, number);
  return true;
}

/* ---- sockets that have a timeout ---- */

static const struct socket_wait {
  long number;
  short events;
  int option, result;
} socket_waits[] = {
    {SYS_recvfrom, POLLIN, SO_RCVTIMEO, -EAGAIN},
    {SYS_recvmsg, POLLIN, SO_RCVTIMEO, -EAGAIN},
    {SYS_recvmmsg, POLLIN, SO_RCVTIMEO, -EAGAIN},
    {SYS_accept, POLLIN, SO_RCVTIMEO, -EAGAIN},
    {SYS_accept4, POLLIN, SO_RCVTIMEO, -EAGAIN},
    {SYS_sendto, POLLOUT, SO_SNDTIMEO, -EAGAIN},
    {SYS_sendmsg, POLLOUT, SO_SNDTIMEO, -EAGAIN},
    {SYS_sendmmsg, POLLOUT, SO_SNDTIMEO, -EAGAIN},
    {SYS_connect, POLLOUT, SO_SNDTIMEO, -EINPROGRESS},
    /* From here on also of what is no socket. */
    {SYS_read, POLLIN, SO_RCVTIMEO, -EAGAIN},
    {SYS_readv, POLLIN, SO_RCVTIMEO, -EAGAIN},
    {SYS_write, POLLOUT, SO_SNDTIMEO, -EAGAIN},
    {SYS_writev, POLLOUT, SO_SNDTIMEO, -EAGAIN},
};

static const struct socket_wait *find_wait(long number) {
  for (unsigned i = 0; i < sizeof socket_waits / sizeof *socket_waits; i++)
    if (socket_waits[i].number == number)
      return &socket_waits[i];
  return 0;
}

bool continued_wait_began_unseen(long number) {
  const struct socket_wait *wait = find_wait(number);
  return wait && number != SYS_read && number != SYS_readv &&
         number != SYS_write && number != SYS_writev;
}

bool continued_wait(long number, ucontext_t *context, uint64_t begin_ns) {
  const struct socket_wait *wait = find_wait(number);
  int fd = (int)arch_context_argument(context, 0);
  uint64_t timeout = wait && !arch_context_continued(context)
                         ? socket_timeout(fd, wait->option)
                         : 0;
  struct continued *entry = timeout ? claim() : 0;
  if (!entry)
    return false;
  uint64_t now = timed_wait_now(), end = begin_ns + timeout;
  uint64_t left = end > now ? end - now : 0;
  entry->left = (struct timespec){(time_t)(left / 1000000000u),
                                  (long)(left % 1000000000u)};
  entry->poll = (struct pollfd){.fd = fd, .events = wait->events};
  entry->call.waits = 1;
  entry->call.result = wait->result;
  arch_context_continue(context, &entry->call, number);
  const uint64_t arguments[6] = {
      (uint64_t)&entry->poll, 1, (uint64_t)&entry->left, 0, 8, 0};
  for (unsigned i = 0; i < 6; i++)
    arch_context_set_argument(context, i, arguments[i]);
  return true;
}

long continued_number(const ucontext_t *context) {
  const struct arch_continued *call = arch_context_continued(context);
  if (!call)
    return -1;
  return call->waits == 1 ? SYS_ppoll : (long)call->number;
}
