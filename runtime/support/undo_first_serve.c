/* undo_first_serve.c - see undo_first.h. A thread of the first process, which
 * has the keeper do what others ask for, one after the other. It has a table of
 * descriptors of its own and does not stop in a checkpoint.
 *
 * Invariant: only processes of the tree and of the same user are served, and
 * what they say is used as what they could do themselves. */
#include "undo_first.h"

#include "../arch/sys.h"
#include "../error.h"
#include "live.h"
#include "private.h"
#include "quiesce.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define WAITING_MOST 4096
#define HANG_UP_MS 100
#define GENERATIONS_MOST 100
#define BEGINS_NS 1000000000u

/* Who was found to be of the tree is believed for so long. */
#define BELIEVED 64u
#define BELIEVED_NS 1000000000u

struct message {
  struct undo_question question;
  char rest[2 * UNDO_PATH_MAX];
};

struct server {
  struct message message;
  char paths[2][UNDO_PATH_MAX];
  struct {
    int pid;
    uint64_t until_ns;
  } believed[BELIEVED];
};

static void answer(long fd, uint32_t outcome, uint64_t end) {
  struct undo_answer content = {UNDO_FIRST_MAGIC, outcome, end};
  SYS(sendto, fd, &content, sizeof content, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
}

/* That not all is in the log of what the process changes. */
static void note_unseen(int process, enum undo_unseen why) {
  struct undo_request request = {
      .wish = UNDO_KEEP_UNSEEN, .process = process, .argument = why};
  if (atomic_load(&undo_state.now))
    undo_ask(&request);
}

/* ---- who asks ---- */

static int parent_of(int process) {
  char text[512];
  hwckpt_format(text, sizeof text, "/proc/%d/stat", process);
  long fd = SYS(openat, AT_FDCWD, text, O_RDONLY | O_CLOEXEC, 0);
  long length = fd < 0 ? fd : SYS(read, fd, text, sizeof text - 1);
  if (fd >= 0)
    SYS(close, fd);
  /* Behind the name, which may hold anything: ") S PARENT". */
  while (length > 0 && text[length - 1] != ')')
    length--;
  if (length <= 0)
    return 0;
  const char *digit = text + length + 3;
  int parent = 0;
  while (*digit >= '0' && *digit <= '9')
    parent = parent * 10 + (*digit++ - '0');
  return parent;
}

/* Orphans are children of who made this process, or of the first process of its
 * pid namespace. */
static bool is_descendant(int process) {
  int own = (int)SYS(getpid), above = (int)SYS(getppid);
  for (int i = 0; process > 0 && i < GENERATIONS_MOST; i++) {
    if (process == own || process == (above ? above : 1))
      return true;
    process = parent_of(process);
  }
  return false;
}

static bool is_of_tree(struct server *server, int process) {
  unsigned place = (unsigned)process % BELIEVED;
  uint64_t now = quiesce_now_ns();
  if (server->believed[place].pid != process ||
      now >= server->believed[place].until_ns) {
    if (!is_descendant(process))
      return false;
    server->believed[place].pid = process;
    server->believed[place].until_ns = now + BELIEVED_NS;
  }
  return true;
}

static bool look_at(const struct undo_request *whose, const char *name,
                    struct statx *status) {
  char path[64];
  undo_caller_path(whose, name, path, sizeof path);
  return SYS(statx, AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, status) == 0;
}

/* In another pid namespace the thread has another number. */
static void settle_thread(struct undo_request *request) {
  struct statx status;
  if (!look_at(request, "status", &status))
    request->thread = 0;
}

/* Whether the process sees the same files under the same paths. */
static bool has_our_paths(const struct undo_request *its) {
  static const char *const what[] = {"root", "ns/mnt"};
  const struct undo_request ours = {.thread = quiesce_program_thread()};
  for (unsigned i = 0; i < 2; i++) {
    struct statx one, other;
    if (!look_at(its, what[i], &one) || !look_at(&ours, what[i], &other) ||
        one.stx_ino != other.stx_ino ||
        one.stx_dev_major != other.stx_dev_major ||
        one.stx_dev_minor != other.stx_dev_minor)
      return false;
  }
  return true;
}

/* Whether who asked is gone, who was to wait for the answer. */
static bool hangs_up(long fd) {
  struct timespec limit = {0, HANG_UP_MS * 1000000};
  struct pollfd socket = {.fd = (int)fd};
  return SYS(ppoll, &socket, 1, &limit, 0, 8) == 1;
}

/* Whether he went on before he had the answer. */
static bool has_gone_on(long fd) {
  uint32_t word = 0;
  return SYS(recvfrom, fd, &word, sizeof word, MSG_DONTWAIT, 0, 0) ==
             sizeof word &&
         word == UNDO_FIRST_GOES_ON;
}

/* As much as who asked remembers. */
#define BEHIND_MOST 128u

/* What is in the log behind what was asked for, for it was seen coming. */
static uint64_t end_of_kept(struct undo_interval *interval,
                            const struct undo_file *file, uint64_t end) {
  uint64_t block = (end + UNDO_BLOCK - 1) / UNDO_BLOCK;
  unsigned i = 0;
  while (i < BEHIND_MOST && (block + i) * UNDO_BLOCK < file->size &&
         undo_block_is_kept(interval, file, block + i))
    i++;
  return i ? (block + i) * UNDO_BLOCK : end;
}

static uint32_t outcome_of(const struct undo_request *request, uint64_t *end) {
  struct undo_interval *interval = atomic_load(&undo_state.now);
  if (!interval || atomic_load(&interval->lost))
    return UNDO_FIRST_NOTHING;
  if (request->wish == UNDO_KEEP_MAPPED)
    *end = request->argument;
  if (request->wish == UNDO_KEEP_RANGE) {
    const struct undo_file *file =
        undo_place(interval, request->device, request->inode);
    if (file && atomic_load(&file->inode) && atomic_load(&file->all_kept))
      return UNDO_FIRST_ALL_KEPT;
    if (file && atomic_load(&file->inode) && request->end < file->size)
      *end = end_of_kept(interval, file, request->end);
  }
  return UNDO_FIRST_KEPT;
}

static void ask_keeper(long fd, struct undo_request *request) {
  if (atomic_load(&undo_state.now))
    undo_ask(request);
  /* Where it is not gone, what it changes is not kept. */
  if (request->result < 0 && !hangs_up(fd))
    note_unseen(request->process, UNSEEN_ELSEWHERE);
  uint64_t end = request->end;
  uint32_t outcome = outcome_of(request, &end);
  answer(fd, outcome, end);
  if (has_gone_on(fd))
    note_unseen(request->process, UNSEEN_NO_ANSWER);
}

void undo_first_begun(void) {
  atomic_store(&undo_first.cut, undo_first.stands_in);
  if (undo_first.serves == (int)SYS(getpid))
    SYS(futex, &undo_first.cut, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* Whether the interval is that of the checkpoint. In a moment, as all stand; or
 * never, when it is given up. */
static bool await_cut(uint32_t number) {
  uint64_t until = quiesce_now_ns() + BEGINS_NS, now;
  uint32_t cut;
  while ((cut = atomic_load(&undo_first.cut)) != number) {
    if ((now = quiesce_now_ns()) >= until)
      return false;
    struct timespec limit = {0, (long)(until - now)};
    SYS(futex, &undo_first.cut, FUTEX_WAIT_PRIVATE, cut, &limit, 0, 0);
  }
  return true;
}

/* The end of one of the user's that may have been of the tree. */
static bool has_ended(const struct ucred *peer) {
  return peer->uid == (uid_t)SYS(geteuid) && SYS(kill, peer->pid, 0) == -ESRCH;
}

static void serve_one(long fd, struct server *server) {
  struct undo_request request;
  struct ucred peer;
  uint32_t length = sizeof peer;
  struct timeval limit = {.tv_sec = UNDO_FIRST_SILENT_S};
  if (SYS(getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ||
      peer.pid <= 0)
    return;
  bool ended = has_ended(&peer);
  if (!ended && !is_of_tree(server, peer.pid)) {
    ended = has_ended(&peer); /* in between */
    if (!ended)
      return;
  }
  SYS(setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  /* Who is silent is stopped, and asks again when he finds it closed. */
  long got =
      SYS(recvfrom, fd, &server->message, sizeof server->message, 0, 0, 0);
  if (got <= 0 ||
      !undo_first_read(&server->message, (size_t)got, &request, server->paths))
    return;
  if (has_gone_on(fd)) {
    note_unseen(peer.pid, UNSEEN_NO_ANSWER);
    return;
  }
  if (ended)
    return;
  request.process = peer.pid;
  settle_thread(&request);
  uint32_t cut = server->message.question.cut_number;
  if (cut && !await_cut(cut)) {
    answer(fd, UNDO_FIRST_ELSEWHERE, 0);
    return;
  }
  if (peer.uid == (uid_t)SYS(geteuid) && has_our_paths(&request)) {
    ask_keeper(fd, &request);
    return;
  }
  if (!server->message.question.own_log)
    note_unseen(peer.pid, UNSEEN_ELSEWHERE);
  answer(fd, UNDO_FIRST_ELSEWHERE, 0);
}

/* Listening, asked to end, ended (futex). The runtime's threads do not end: one
 * that has ended waits in a call that was allowed. */
enum { LISTENS, IS_TO_END, HAS_ENDED };
LIVE static _Atomic uint32_t state;

static bool may_accept_again(long error) {
  const struct timespec moment = {0, 1000000};
  if (error == -EMFILE || error == -ENFILE || error == -ENOBUFS ||
      error == -ENOMEM)
    SYS(nanosleep, &moment, 0);
  return error != -EPERM && error != -EACCES && error != -ENOSYS &&
         error != -EBADF;
}

static void serve(void *argument) {
  int listener = undo_first.listener;
  while (atomic_load(&state) == LISTENS) {
    long fd = SYS(accept4, listener, 0, 0, SOCK_CLOEXEC);
    if (fd < 0 && !may_accept_again(fd))
      break;
    if (fd >= 0 && atomic_load(&state) == LISTENS)
      serve_one(fd, argument);
    if (fd >= 0)
      SYS(close, fd);
  }
  undo_first.filtered = undo_first.serves;
  SYS(close, listener);
  atomic_store(&state, HAS_ENDED);
  SYS(futex, &state, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  for (;;)
    SYS(futex, &state, FUTEX_WAIT_PRIVATE, HAS_ENDED, 0, 0, 0);
}

/* Above 2, where the runtime's thread has its own. */
static long open_listener(void) {
  long fd = SYS(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  long high = fd < 0 ? fd : SYS(fcntl, fd, F_DUPFD_CLOEXEC, 3);
  if (fd >= 0)
    SYS(close, fd);
  if (high < 0)
    return high;
  long result = SYS(bind, high, &undo_first.address, undo_first.length);
  if (result == 0)
    result = SYS(listen, high, WAITING_MOST);
  if (result == 0)
    return high;
  SYS(close, high);
  return result;
}

void undo_first_serve(void) {
  int own = (int)SYS(getpid);
  if (!undo_first.there || undo_first.pid != own || undo_first.serves == own ||
      undo_first.filtered == own)
    return;
  struct server *server = private_map(sizeof *server);
  long listener = server ? open_listener() : -1;
  undo_first.listener = (int)listener;
  undo_first.cannot = own;
  atomic_store(&state, LISTENS);
  if (listener >= 0 &&
      quiesce_spawn(serve, server, "hwckpt-files", (int)listener, 0) == 0) {
    undo_first.serves = own;
    undo_first.cannot = 0;
  } else if (server) {
    private_unmap(server, sizeof *server);
  }
  if (listener >= 0)
    SYS(close, listener);
}

static bool has_children(void) {
  return SYS(waitid, P_ALL, 0, 0, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) == 0;
}

/* It waits in accept4(), and hears of it by one who comes. */
static void end_serving(void) {
  uint32_t word = LISTENS;
  if (!atomic_compare_exchange_strong(&state, &word, IS_TO_END))
    return;
  long fd = SYS(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd >= 0)
    SYS(connect, fd, &undo_first.address, undo_first.length);
  while ((word = atomic_load(&state)) != HAS_ENDED)
    SYS(futex, &state, FUTEX_WAIT_PRIVATE, word, 0, 0, 0);
  if (fd >= 0)
    SYS(close, fd);
}

void undo_first_serve_no_more(void) {
  int own = (int)SYS(getpid);
  if (!undo_first.there || undo_first.pid != own)
    return;
  if (undo_first.serves == own)
    end_serving();
  undo_first.filtered = own;
  undo_first_say_unheard();
}

void undo_first_say_unheard(void) {
  int own = (int)SYS(getpid);
  /* What it forks asks nobody: said where there is somebody. */
  bool unasked = undo_first.quiet && undo_first.pid == own && has_children();
  if (undo_first.cannot == own || undo_first.filtered == own || unasked)
    note_unseen(0, UNSEEN_NOT_HEARD);
}
