/* io_before.c - what the program's threads do before a system call that is
 * input or output, where rules ask for that (io.h).
 *
 * Runs in the place of an instruction of libc, which may be in a signal
 * handler: no libc, no lock, general registers only. So nothing is asked for
 * here: a bit is set, and the checkpoint thread woken. Only a send that has to
 * wait executes CKPT.SAVE, and is where a restore goes on.
 */
#include "../arch/sys.h"
#include "../support/calls.h"
#include "call_save.h"
#include "io.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

struct io_state io_state;

/* What a call does. */
enum how {
  HOW_NONE,
  HOW_CONNECT,
  HOW_ACCEPT,
  HOW_SEND,     /* descriptor, buffer, length */
  HOW_SENDMSG,  /* descriptor, message */
  HOW_SENDMMSG, /* descriptor, messages, how many */
  HOW_RECEIVE,
  HOW_WRITE, /* to a file or a socket: descriptor, buffer, length */
  HOW_WRITEV,
  HOW_SENDFILE,
  HOW_SPLICE,
  HOW_READV,
  HOW_SYNC,
  HOW_CLOSE,
};

#define NUMBERS 512
static const unsigned char hows[NUMBERS] = {
    [SYS_connect] = HOW_CONNECT,      [SYS_accept] = HOW_ACCEPT,
    [SYS_accept4] = HOW_ACCEPT,       [SYS_sendto] = HOW_SEND,
    [SYS_sendmsg] = HOW_SENDMSG,      [SYS_sendmmsg] = HOW_SENDMMSG,
    [SYS_recvfrom] = HOW_RECEIVE,     [SYS_recvmsg] = HOW_RECEIVE,
    [SYS_recvmmsg] = HOW_RECEIVE,     [SYS_write] = HOW_WRITE,
    [SYS_pwrite64] = HOW_WRITE,       [SYS_writev] = HOW_WRITEV,
    [SYS_pwritev] = HOW_WRITEV,       [SYS_pwritev2] = HOW_WRITEV,
    [SYS_sendfile] = HOW_SENDFILE,    [SYS_splice] = HOW_SPLICE,
    [SYS_readv] = HOW_READV,          [SYS_fsync] = HOW_SYNC,
    [SYS_fdatasync] = HOW_SYNC,       [SYS_syncfs] = HOW_SYNC,
    [SYS_sync_file_range] = HOW_SYNC, [SYS_close] = HOW_CLOSE,
};

#define BIT(what) (1u << (what))
#define SENDING (BIT(IO_QUIET) | BIT(IO_BYTES) | BIT(IO_SEND))
#define RECEIVING (BIT(IO_QUIET) | BIT(IO_BYTES))

/* Which actions calls of that kind are for. */
static uint32_t whats_of(enum how how) {
  switch (how) {
  case HOW_CONNECT:
    return BIT(IO_CONNECT);
  case HOW_ACCEPT:
    return BIT(IO_ACCEPT);
  case HOW_SEND:
  case HOW_SENDMSG:
  case HOW_SENDMMSG:
    return SENDING;
  case HOW_RECEIVE:
  case HOW_READV:
    return RECEIVING;
  case HOW_WRITE:
  case HOW_WRITEV:
  case HOW_SENDFILE:
  case HOW_SPLICE:
    return SENDING | BIT(IO_WRITTEN);
  case HOW_SYNC:
    return BIT(IO_SYNC);
  case HOW_CLOSE:
    return BIT(IO_CLOSE);
  default:
    return 0;
  }
}

bool io_wants(uint32_t number) {
  return number < NUMBERS && whats_of((enum how)hows[number]) & io_state.whats;
}

/* ---- firing ---- */

/* A child has the code of its parent, and nobody who serves it. */
static bool served(void) {
  return atomic_load(&io_state.pid) == (int)SYS(getpid);
}

static void fire(const struct io_action *action) {
  if (!served())
    return;
  atomic_fetch_or(&io_state.fired, 1u << action->rule);
  atomic_fetch_or(io_state.word, io_state.bit);
  SYS(futex, io_state.word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static void fire_all(enum io_what what) {
  for (unsigned i = 0; i < io_state.count; i++)
    if (io_state.actions[i].what == what)
      fire(&io_state.actions[i]);
}

static void count_bytes(enum io_what what, uint64_t bytes) {
  for (unsigned i = 0; i < io_state.count; i++) {
    struct io_action *action = &io_state.actions[i];
    if (action->what != what)
      continue;
    uint64_t now = atomic_fetch_add(&action->so_far, bytes) + bytes;
    if (now >= action->amount) {
      atomic_store(&action->so_far, 0);
      fire(action);
    }
  }
}

static void end_of_quiet(void) {
  struct timespec time = {0, 0};
  if (!(io_state.whats & BIT(IO_QUIET)))
    return;
  SYS(clock_gettime, CLOCK_MONOTONIC, &time);
  uint64_t now = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
  for (unsigned i = 0; i < io_state.count; i++) {
    struct io_action *action = &io_state.actions[i];
    if (action->what != IO_QUIET)
      continue;
    uint64_t last = atomic_exchange(&action->so_far, now);
    if (now - last > action->amount) /* the first of all too */
      fire(action);
  }
}

/* ---- sockets ---- */

/* Whether what is sent there may leave the machine: not to sockets of the
 * machine itself, nor to what is no socket. */
static bool is_network(int descriptor) {
  int family = 0;
  socklen_t size = sizeof family;
  return SYS(getsockopt, descriptor, SOL_SOCKET, SO_DOMAIN, &family, &size) ==
             0 &&
         family != AF_UNIX && family != AF_NETLINK;
}

/* What came over a connection since the last look; of one that is new to the
 * table, nothing. */
static uint64_t received(int descriptor) {
  uint64_t cookie = 0;
  struct tcp_info info;
  socklen_t size = sizeof cookie, room = sizeof info;
  info.tcpi_bytes_received = 0;
  if (SYS(getsockopt, descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 ||
      SYS(getsockopt, descriptor, IPPROTO_TCP, TCP_INFO, &info, &room) < 0)
    return 0;
  unsigned place = (unsigned)(cookie % IO_SOCKETS);
  uint64_t now = info.tcpi_bytes_received;
  bool known =
      atomic_exchange(&io_state.sockets[place].cookie, cookie) == cookie;
  uint64_t before = atomic_exchange(&io_state.sockets[place].received, now);
  return known && now > before ? now - before : 0;
}

/* Sends and receives. */
static void network(int descriptor, uint64_t sent) {
  if (!(io_state.whats & SENDING) || !is_network(descriptor))
    return;
  end_of_quiet();
  if (io_state.whats & BIT(IO_BYTES))
    count_bytes(IO_BYTES, sent + received(descriptor));
}

/* A connection waits, so this call gets it. One that has to wait is seen by
 * the next call that accepts: it found none. */
static void accepting(int descriptor) {
  static _Atomic uint32_t waited;
  struct pollfd ready = {.fd = descriptor, .events = POLLIN};
  if (!is_network(descriptor))
    return;
  bool there = SYS(poll, &ready, 1, 0) == 1 && ready.revents & POLLIN;
  bool before = atomic_exchange(&waited, !there) != 0;
  if (there || before)
    fire_all(IO_ACCEPT);
}

#define MESSAGE_VECTOR 16u /* offsets in struct msghdr */
#define MESSAGE_COUNT 24u
#define MESSAGES_MOST 64u /* that are looked at */
#define NEXT_MESSAGE 64u  /* sizeof struct mmsghdr */

static uint64_t message_length(uint64_t message) {
  uint64_t count = calls_word_of_program(message + MESSAGE_COUNT, 0);
  return calls_vector_length(calls_word_of_program(message + MESSAGE_VECTOR, 0),
                             count);
}

static uint64_t messages_length(uint64_t messages, uint64_t count) {
  uint64_t length = 0;
  for (uint64_t i = 0; i < count && i < MESSAGES_MOST; i++)
    length += message_length(messages + i * NEXT_MESSAGE);
  return length;
}

/* ---- a send that waits ---- */

static void before_send(int descriptor) {
  if (!(io_state.whats & BIT(IO_SEND)) || !is_network(descriptor) || !served())
    return;
  if (call_save_may_trap())
    CALL_SAVE(IO_ENTRY_SEND);
  else
    fire_all(IO_SEND);
}

/* ---- files ---- */

/* Not asked for times, as in undo_before.c. */
static bool is_file(int descriptor) {
  struct statx status;
  return SYS(statx, descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
             STATX_TYPE, &status) == 0 &&
         S_ISREG(status.stx_mode);
}

static void writing(int descriptor, uint64_t bytes) {
  if (io_state.whats & BIT(IO_WRITTEN) && is_file(descriptor))
    count_bytes(IO_WRITTEN, bytes);
}

static void closing(int descriptor) {
  long flags = SYS(fcntl, descriptor, F_GETFL, 0);
  if (flags >= 0 && flags & O_ACCMODE && is_file(descriptor))
    fire_all(IO_CLOSE);
}

/* ---- the call ---- */

static uint64_t length_of(enum how how, const uint64_t *a) {
  uint64_t length = 0;
  if (how == HOW_SEND || how == HOW_WRITE)
    length = a[2];
  else if (how == HOW_WRITEV)
    length = calls_vector_length(a[1], a[2]);
  else if (how == HOW_SENDMSG)
    length = message_length(a[1]);
  else if (how == HOW_SENDMMSG)
    length = messages_length(a[1], a[2]);
  else if (how == HOW_SENDFILE)
    length = a[3];
  else if (how == HOW_SPLICE)
    length = a[4];
  return length > INT64_MAX ? 0 : length; /* it will fail */
}

void io_before(const struct arch_call *call) {
  const uint64_t *a = call->arguments;
  enum how how =
      call->number < NUMBERS ? (enum how)hows[call->number] : HOW_NONE;
  uint32_t whats = whats_of(how) & io_state.whats;
  int descriptor = (int)a[how == HOW_SPLICE ? 2 : 0];
  if (!whats)
    return;
  if (whats & BIT(IO_CONNECT) && is_network(descriptor))
    fire_all(IO_CONNECT);
  else if (whats & BIT(IO_ACCEPT))
    accepting(descriptor);
  else if (whats & BIT(IO_SYNC))
    fire_all(IO_SYNC);
  else if (whats & BIT(IO_CLOSE))
    closing(descriptor);
  if (!(whats & (SENDING | BIT(IO_WRITTEN))))
    return;
  uint64_t length = length_of(how, a);
  if (whats & (RECEIVING | BIT(IO_SEND)))
    network(descriptor, length);
  if (whats & BIT(IO_WRITTEN))
    writing(descriptor, length);
  if (whats & BIT(IO_SEND))
    before_send(descriptor);
}
