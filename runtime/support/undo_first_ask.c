/* undo_first_ask.c - see undo_first.h. What the other processes do.
 *
 * In the place of an instruction of libc, perhaps in a signal handler or after
 * vfork: system calls, the stack, general registers only. The descriptor is the
 * program's table's for as long as the question takes. */
#include "undo_first.h"

#include "../arch/sys.h"
#include "live.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

LIVE struct undo_first undo_first;

/* After a restore it may not be there yet. */
#define BEGIN_TRIES 2000u
#define MILLISECOND 1000000
#define ASK_TRIES 3u

bool undo_first_is_asked(void) {
  return undo_first.there && !undo_first.quiet &&
         atomic_load(&undo_first.active) && undo_first.pid != (int)SYS(getpid);
}

bool undo_first_has_own_memory(void) {
  return SYS(kcmp, SYS(gettid), SYS(getppid), KCMP_VM, 0, 0) != 0;
}

static uint64_t key_of(uint64_t device, uint64_t inode, uint64_t block) {
  uint64_t key =
      (inode + 1) * 0x9e3779b97f4a7c15u ^ device * 0xff51afd7ed558ccdu;
  key = (key ^ key >> 29 ^ block) * 0xbf58476d1ce4e5b9u;
  key ^= key >> 32;
  return key ? key : 1;
}

static _Atomic uint64_t *place_of(uint64_t key) {
  return &undo_first.known[key % UNDO_FIRST_KNOWN];
}

static bool knows(uint64_t device, uint64_t inode, uint64_t block) {
  uint64_t key = key_of(device, inode, block);
  return atomic_load(place_of(key)) == key;
}

static void know(uint64_t device, uint64_t inode, uint64_t block) {
  uint64_t key = key_of(device, inode, block);
  atomic_store(place_of(key), key);
}

/* A longer range is asked for. */
#define BLOCKS_MOST (UNDO_FIRST_KNOWN / 8)

static bool is_short(uint64_t begin, uint64_t end) {
  return begin <= end && end - begin <= BLOCKS_MOST * UNDO_BLOCK;
}

bool undo_first_knows(uint64_t device, uint64_t inode, uint64_t begin,
                      uint64_t end) {
  if (!atomic_load(&undo_first.active))
    return false;
  if (knows(device, inode, UNDO_FIRST_WHOLE))
    return true;
  if (!is_short(begin, end))
    return false;
  for (uint64_t block = begin / UNDO_BLOCK; block * UNDO_BLOCK < end; block++)
    if (!knows(device, inode, block))
      return false;
  return true;
}

/* In the stop: a page where nothing is known is not written, which would be a
 * page fault. */
void undo_first_forget_known(void) {
  for (unsigned i = 0; i < UNDO_FIRST_KNOWN; i++)
    if (atomic_load(&undo_first.known[i]))
      atomic_store(&undo_first.known[i], 0);
}

/* Of the program's memory, which need not be there; 0: it is no path. */
static uint32_t length_of(const char *path) {
  char piece[256];
  uint32_t length = 0;
  while (length < UNDO_PATH_MAX) {
    uint64_t most = 4096 - ((uint64_t)(path + length) & 4095);
    most = most < sizeof piece ? most : sizeof piece;
    struct iovec own = {piece, most};
    struct iovec its = {(void *)(path + length), most};
    if (SYS(process_vm_readv, SYS(gettid), &own, 1, &its, 1, 0) != (long)most)
      return 0;
    for (uint64_t i = 0; i < most; i++, length++)
      if (!piece[i])
        return length < UNDO_PATH_MAX ? length : 0;
  }
  return 0;
}

/* Others may have taken the name. */
static bool is_first(long fd) {
  struct ucred peer;
  uint32_t length = sizeof peer;
  return SYS(getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
         ((undo_first.pid && peer.pid == undo_first.pid) ||
          peer.uid == (uid_t)SYS(geteuid));
}

static long connect_to_first(void) {
  const struct timespec moment = {0, MILLISECOND};
  const struct timeval limit = {UNDO_FIRST_ANSWER_S, 0};
  long fd = SYS(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  /* Where more wait than there is room for, connect() waits. */
  SYS(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  for (unsigned i = 0;; i++) {
    long result = SYS(connect, fd, &undo_first.address, undo_first.length);
    bool again = result < 0 && result != -EAGAIN && undo_first.begun &&
                 i < BEGIN_TRIES &&
                 !(undo_first.pid && SYS(kill, undo_first.pid, 0) < 0);
    if (again) {
      SYS(nanosleep, &moment, 0);
      continue;
    }
    undo_first.begun = false;
    if (result == 0 && is_first(fd))
      return fd;
    SYS(close, fd);
    return result < 0 ? result : -EPERM;
  }
}

/* It closes what it has open before it is seen to have ended. */
#define ENDS_MS 50

static bool has_ended(void) {
  struct timespec limit = {0, ENDS_MS * MILLISECOND};
  if (!undo_first.pid)
    return false;
  long fd = SYS(pidfd_open, undo_first.pid, 0);
  if (fd < 0)
    return fd == -ESRCH;
  struct pollfd process = {.fd = (int)fd, .events = POLLIN};
  bool ended = SYS(ppoll, &process, 1, &limit, 0, 8) == 1;
  SYS(close, fd);
  return ended;
}

/* The tool is there, and has begun a checkpoint: before, the first process
 * never listens. */
static bool may_have_listened(void) {
  long fd = SYS(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool marked =
      SYS(connect, fd, &undo_first.marker, undo_first.marker_length) == 0;
  if (fd >= 0)
    SYS(close, fd);
  return marked;
}

void undo_first_wait_to_end(void) {
  const struct timespec moment = {1, 0};
  SYS(nanosleep, &moment, 0);
}

bool undo_first_listens(void) {
  long fd = connect_to_first();
  if (fd >= 0)
    SYS(close, fd);
  if (fd == -ECONNREFUSED && may_have_listened() && has_ended())
    undo_first_wait_to_end();
  return fd >= 0;
}

/* What comes of it; 0: the other hung up. What is mapped this process keeps
 * itself then, as it stands still. */
static uint32_t hear(long fd, bool mapped, struct undo_answer *answer) {
  struct timespec limit = {mapped ? UNDO_FIRST_MAPPED_S : UNDO_FIRST_ANSWER_S,
                           0};
  struct pollfd socket = {.fd = (int)fd, .events = POLLIN};
  if (SYS(ppoll, &socket, 1, &limit, 0, 8) == 0) {
    if (mapped)
      return UNDO_FIRST_ELSEWHERE;
    const uint32_t goes_on = UNDO_FIRST_GOES_ON;
    SYS(sendto, fd, &goes_on, sizeof goes_on, MSG_NOSIGNAL | MSG_DONTWAIT, 0,
        0);
    return UNDO_FIRST_NOTHING;
  }
  if (SYS(recvfrom, fd, answer, sizeof *answer, MSG_DONTWAIT, 0, 0) !=
          sizeof *answer ||
      answer->magic != UNDO_FIRST_MAGIC)
    return 0;
  return answer->outcome;
}

static void learn(const struct undo_question *question, uint32_t outcome) {
  if (outcome == UNDO_FIRST_NOTHING)
    atomic_store(&undo_first.active, 0);
  if (question->wish != UNDO_KEEP_RANGE)
    return;
  if (outcome == UNDO_FIRST_ALL_KEPT) {
    know(question->device, question->inode, UNDO_FIRST_WHOLE);
  } else if (outcome == UNDO_FIRST_KEPT &&
             is_short(question->begin, question->end)) {
    uint64_t block = question->begin / UNDO_BLOCK;
    for (; block * UNDO_BLOCK < question->end; block++)
      know(question->device, question->inode, block);
  }
}

/* False: a path cannot be read, so the call will fail. */
static bool put_question(const struct undo_request *request,
                         struct undo_question *question, struct iovec *parts) {
  unsigned paths = undo_first_paths(request->wish);
  question->magic = UNDO_FIRST_MAGIC;
  question->size = sizeof *question;
  question->wish = request->wish;
  question->cut = request->cut;
  question->descriptor = request->descriptor;
  question->own_log = atomic_load(&undo_state.now) &&
                      atomic_load(&undo_state.pid) == (int)SYS(getpid);
  question->begin = request->begin;
  question->end = request->end;
  question->device = request->device;
  question->inode = request->inode;
  question->argument =
      request->wish == UNDO_KEEP_UNSEEN || request->wish == UNDO_KEEP_MAPPED
          ? request->argument
          : 0;
  question->cut_number =
      request->wish == UNDO_KEEP_MAPPED ? undo_first.stands_in : 0;
  question->thread = (int)SYS(gettid);
  parts[0].iov_base = question;
  parts[0].iov_len = sizeof *question;
  for (unsigned i = 0; i < 2; i++) {
    const char *path = i < paths ? request->place[i].path : 0;
    question->directory[i] = i < paths ? request->place[i].directory : 0;
    question->length[i] = path ? length_of(path) : 0;
    if (i < paths && !question->length[i] && request->wish != UNDO_KEEP_UNSEEN)
      return false;
    parts[i + 1].iov_base = (void *)path;
    parts[i + 1].iov_len = question->length[i];
  }
  return true;
}

static bool ask(const struct undo_request *request,
                struct undo_answer *answer) {
  struct undo_question question;
  struct iovec parts[3];
  struct msghdr message;
  answer->end = 0;
  if (!put_question(request, &question, parts))
    return true;
  message.msg_name = 0;
  message.msg_namelen = 0;
  message.msg_iov = parts;
  message.msg_iovlen = 3;
  message.msg_control = 0;
  message.msg_controllen = 0;
  message.msg_flags = 0;
  uint32_t outcome = 0;
  for (unsigned i = 0; i < ASK_TRIES && !outcome; i++) {
    long fd = connect_to_first();
    if (fd < 0) {
      if (fd == -ECONNREFUSED && request->wish != UNDO_KEEP_MAPPED &&
          has_ended()) {
        undo_first_wait_to_end();
        atomic_store(&undo_first.active, 0);
      }
      return false;
    }
    if (SYS(sendmsg, fd, &message, MSG_NOSIGNAL) > 0)
      outcome = hear(fd, request->wish == UNDO_KEEP_MAPPED, answer);
    SYS(close, fd);
  }
  if (answer->end > question.end)
    question.end = answer->end;
  learn(&question, outcome);
  return outcome && outcome != UNDO_FIRST_ELSEWHERE;
}

bool undo_first_ask(const struct undo_request *request) {
  struct undo_answer answer;
  return ask(request, &answer);
}

bool undo_first_ask_mapped(const struct undo_request *request,
                           uint64_t *bytes) {
  struct undo_answer answer;
  bool kept = ask(request, &answer);
  *bytes = answer.end;
  return kept;
}
