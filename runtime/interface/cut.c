/* cut.c - see cut.h. */
#include "cut.h"

#include "../arch/sys.h"
#include "../resources/tree.h"
#include "../support/live.h"
#include "../support/private.h"
#include "../support/record_types.h"
#include "../support/task.h"
#include "../support/undo.h"
#include "sections.h"
#include "tree_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

/* How long the coordinator is waited for: while the program stands still, and
 * else. It has deadlines of its own, which are shorter. */
#define STOPPED_MS 90000
#define WAIT_MS 240000
/* The end of the process waits no longer than this for what is written. */
#define WRITE_S 60

/* Steps of nice by which the checkpoint threads of many processes go first: as
 * many as leave the coordinator before them. About nine times the share. */
#define HURRY_STEPS 10

/* Descriptors of the tree that one process is told of. */
#define FACTS_ROOM ((size_t)8 << 20)

static LIVE struct {
  uint32_t number; /* of the coordinator's socket; 0: there is none */
  int root;        /* process id */
  int fd;          /* connection of this checkpoint, -1: none */
  bool came_back;  /* and has not begun yet */
  bool gone;       /* said, or seen, that it is over */
  struct tree_message *message; /* private memory, with room for what follows */
  char *facts;
  size_t fact_bytes;
  char application[TREE_APPLICATION]; /* that generations are written to */
  struct cache_relatives relatives;
  bool publishes;
  char cause[128];
  bool waits_stopped;
  _Atomic uint32_t writes; /* something that was captured (futex) */
  bool alone;              /* the coordinator says */
  uint64_t section_wait_ns;
  uint64_t section_since; /* one is open that is waited for, 0: none is */
  bool closed;            /* no section begins */
} tree = {.fd = -1};

/* ---- the option ---- */

static const char *read_number(const char *text, uint32_t *number) {
  *number = 0;
  for (; *text >= '0' && *text <= '9'; text++)
    *number = *number * 10 + (uint32_t)(*text - '0');
  return text;
}

void cut_start(const char *option, bool restored, bool restored_root) {
  uint32_t root = 0;
  const char *rest = read_number(option, &tree.number);
  if (*rest == '-')
    read_number(rest + 1, &root);
  restored_root |= tree.came_back;
  tree.came_back = false;
  tree.root = root || !restored_root ? (int)root : (int)SYS(getpid);
  undo_of_tree(tree.number, tree.root, restored);
}

void cut_came_back(void) { tree.came_back = true; }

bool cut_is_there(void) { return tree.number != 0; }

bool cut_is_root(void) { return tree.root == (int)SYS(getpid); }

void cut_forget(void) {
  uint32_t number = tree.number;
  int root = tree.root;
  memset(&tree, 0, sizeof tree);
  tree.number = number;
  tree.root = root;
  tree.fd = -1;
}

/* ---- is there anybody else ---- */

/* Process ids in the text, but for `except`. */
static unsigned count_others(const char *text, int except) {
  unsigned count = 0;
  while (*text >= '0' && *text <= '9') {
    uint32_t pid;
    text = read_number(text, &pid);
    count += (int)pid != except;
    while (*text == ' ' || *text == '\n')
      text++;
  }
  return count;
}

/* Whether the children that a file of /proc lists are none but `except`. */
static bool has_no_children(int folder, const char *path, int except) {
  char text[256];
  long fd = SYS(openat, folder, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return false;
  long length = SYS(read, fd, text, sizeof text - 1);
  SYS(close, fd);
  if (length < 0)
    return false;
  text[length] = 0;
  return count_others(text, except) == 0;
}

static void see_children(int tid, void *context) {
  bool *alone = context;
  char path[64];
  hwckpt_format(path, sizeof path, "/proc/self/task/%d/children", tid);
  *alone = *alone && has_no_children(AT_FDCWD, path, 0);
}

/* By one call for all threads: the program stands still meanwhile, and of 512
 * their files take some milliseconds. A filter may forbid that call. */
static bool nobody_has_children(void) {
  return !resources_filtered() &&
         SYS(waitid, P_ALL, 0, 0, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) ==
             -ECHILD;
}

/* Orphans go to the parent, the tool; the first of its threads has them. */
bool cut_is_alone(void) {
  bool alone = true;
  char path[64];
  int parent = (int)SYS(getppid);
  if (!nobody_has_children())
    task_each(see_children, &alone);
  if (tree.alone) /* it said so: what it has are no processes of the tree */
    return alone;
  hwckpt_format(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
  return alone && has_no_children(AT_FDCWD, path, (int)SYS(getpid));
}

/* A child that was born since: all is to be done again, with it. */
static int stopped_alone(struct resource_sink *sink,
                         struct hwckpt_error *error) {
  (void)sink;
  (void)error;
  return cut_is_alone() ? 0 : 1;
}

static const struct partners nobody = {.prepared = sections_settle,
                                       .stopped = stopped_alone};

/* ---- messages ---- */

static int lost(struct hwckpt_error *error, const char *detail) {
  tree.gone = true;
  return hwckpt_fail(error, HWCKPT_E_TREE_LOST, 0, "hwckpt", "%s", detail);
}

static int receive(struct hwckpt_error *error);

/* It has hung up: perhaps it said before why. */
static int not_sent(struct hwckpt_error *error) {
  int status;
  while (!(status = receive(error)))
    ;
  return status > 0 ? lost(error, "it gave up") : status;
}

static int send_message(enum tree_word word, struct hwckpt_error *error) {
  struct tree_message *message = tree.message;
  message->abi = TREE_ABI;
  message->size = sizeof *message;
  message->word = word;
  message->length = 0;
  long sent =
      SYS(sendto, tree.fd, message, sizeof *message, MSG_NOSIGNAL, 0, 0);
  if (sent == (long)sizeof *message)
    return 0;
  return sent == -EPIPE || sent == -ECONNRESET
             ? not_sent(error)
             : lost(error, "it does not listen");
}

static int say(enum tree_word word, struct hwckpt_error *error) {
  memset(tree.message, 0, sizeof *tree.message);
  return send_message(word, error);
}

/* The next message, in tree.message. */
static int receive(struct hwckpt_error *error) {
  struct tree_message *message = tree.message;
  int limit = tree.waits_stopped ? STOPPED_MS : WAIT_MS;
  struct timespec timeout = {limit / 1000, 0};
  struct pollfd socket = {.fd = tree.fd, .events = POLLIN};
  long ready = SYS(ppoll, &socket, 1, &timeout, 0, 8);
  if (ready == 0)
    return lost(error, "it did not say how to go on");
  long got;
  /* Said once when it has hung up with messages of ours unread; what it sent
   * before that comes after. */
  do
    got = SYS(recvfrom, tree.fd, message, sizeof *message + TREE_PAYLOAD, 0, 0,
              0);
  while (got == -ECONNRESET);
  if (got <= 0 || !tree_message_take(message, (size_t)got))
    return lost(error, got > 0 ? "it is another version" : "it has ended");
  if (message->word != TREE_ABORT)
    return 0;
  tree.gone = true;
  *error = message->error;
  return error->code ? -(int)error->code : 1;
}

/* Waits for that word; what comes before it goes to `take`. */
static int await(enum tree_word word,
                 int (*take)(const void *data, size_t length, void *context,
                             struct hwckpt_error *error),
                 void *context, struct hwckpt_error *error) {
  for (;;) {
    int status = receive(error);
    if (status)
      return status;
    if (tree.message->word == (uint32_t)word)
      return 0;
    status = take ? take(tree.message + 1, tree.message->length, context, error)
                  : lost(error, "it said something else");
    if (status)
      return status;
  }
}

static int connect_to_it(struct hwckpt_error *error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = hwckpt_format(address.sun_path + 1, TREE_NAME_MAX, TREE_NAME,
                                tree.number);
  if (!tree.message)
    tree.message = private_map(sizeof *tree.message + TREE_PAYLOAD);
  if (!tree.facts)
    tree.facts = private_map(FACTS_ROOM);
  if (!tree.message || !tree.facts)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "tree", "");
  tree.gone = tree.waits_stopped = false;
  tree.fd = (int)SYS(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  long connected =
      tree.fd < 0 ? tree.fd
                  : SYS(connect, tree.fd, &address,
                        offsetof(struct sockaddr_un, sun_path) + 1 + length);
  return connected == 0 ? 0
                        : hwckpt_fail(error, HWCKPT_E_TREE_LOST,
                                      (int)-connected, "hwckpt", "connect");
}

static void hang_up(void) {
  if (atomic_exchange(&tree.writes, 0))
    SYS(futex, &tree.writes, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
  if (tree.fd >= 0)
    SYS(close, tree.fd);
  tree.fd = -1;
  tree.waits_stopped = false;
}

/* ---- the steps ---- */

static int begun(const char *application, uint64_t number, uint64_t parent,
                 struct hwckpt_error *error) {
  struct tree_message *message = tree.message;
  memset(message, 0, sizeof *message);
  message->number = number;
  message->parent = parent;
  hwckpt_format(message->application, sizeof message->application, "%s",
                application);
  return send_message(TREE_BEGUN, error);
}

static int never(int status, struct hwckpt_error *error) {
  return status > 0 ? lost(error, "it gave up") : status;
}

static bool publishes(void) { return tree.publishes; }

/* Between tries a section is waited for so long, with all others let in. */
#define SECTION_TRY_NS 1000000000ull

static int close_sections(struct hwckpt_error *error) {
  uint64_t now = quiesce_now_ns();
  tree.closed = sections_close();
  if (tree.closed)
    tree.section_since = 0;
  else if (!tree.section_since)
    tree.section_since = now;
  else if (now - tree.section_since > tree.section_wait_ns)
    return sections_refuse(now - tree.section_since, error);
  memset(tree.message, 0, sizeof *tree.message);
  tree.message->closed = tree.closed;
  return send_message(TREE_CLOSED, error);
}

/* 2: once more. */
static int take_before_stop(const void *data, size_t length, void *context,
                            struct hwckpt_error *error) {
  (void)data;
  (void)length;
  (void)context;
  if (tree.message->word == TREE_CLOSE)
    return close_sections(error);
  if (tree.message->word != TREE_AGAIN)
    return lost(error, "it said something else");
  sections_let_in();
  tree.closed = false;
  return 2;
}

static int prepared(struct hwckpt_error *error) {
  if (tree.section_since)
    sections_await_end(SECTION_TRY_NS);
  memset(tree.message, 0, sizeof *tree.message);
  tree.message->sections = sections_used();
  int status = send_message(TREE_PREPARED, error);
  if (status == 0)
    status = await(TREE_STOP, take_before_stop, 0, error);
  /* Its first one was begun meanwhile. */
  if (status == 0 && !tree.closed && !sections_close())
    status = sections_refuse(0, error);
  if (status == 2)
    return sections_used() ? PARTNERS_LET_GO : PARTNERS_ROUND;
  return never(status, error);
}

static int take_facts(const void *data, size_t length, void *context,
                      struct hwckpt_error *error) {
  (void)context;
  if (tree.message->word != TREE_FACTS || length % sizeof(struct tree_fact) ||
      tree.fact_bytes + length > FACTS_ROOM)
    return lost(error, "descriptors");
  memcpy(tree.facts + tree.fact_bytes, data, length);
  tree.fact_bytes += length;
  return 0;
}

static int stopped(struct resource_sink *sink, struct hwckpt_error *error) {
  tree.fact_bytes = 0;
  tree.waits_stopped = true;
  atomic_store(&tree.writes, 1);
  int status = say(TREE_STOPPED, error);
  if (status == 0)
    status = never(await(TREE_CAPTURE, take_facts, 0, error), error);
  if (status)
    return status;
  const struct tree_fact *rows = (const struct tree_fact *)tree.facts;
  size_t count = tree.fact_bytes / sizeof *rows;
  if (tree.message->member < 0 || !tree_facts_fit(rows, count))
    return lost(error, "descriptors");
  undo_of_cut(tree.message->cut);
  sink->tree = rows;
  sink->tree_count = count;
  sink->member = tree.message->member;
  return 0;
}

static int captured(struct hwckpt_error *error) {
  int status = say(TREE_CAPTURED, error);
  if (status == 0)
    status = never(await(TREE_RESUME, 0, 0, error), error);
  tree.waits_stopped = false;
  return status;
}

static int take_record(const void *data, size_t length, void *context,
                       struct hwckpt_error *error) {
  if (tree.message->word != TREE_RECORD)
    return lost(error, "records");
  return stage_record(context, tree.message->type, data, length, error);
}

static int written(struct stage *records, struct hwckpt_error *error) {
  int status = say(TREE_WRITTEN, error);
  return status ? status
                : never(await(TREE_COMMIT, take_record, records, error), error);
}

static const struct partners others = {.application = tree.application,
                                       .relatives = &tree.relatives,
                                       .publishes = publishes,
                                       .begun = begun,
                                       .prepared = prepared,
                                       .stopped = stopped,
                                       .captured = captured,
                                       .written = written};

static void say_hello(uint32_t cut, const struct checkpoint_reason *reason) {
  struct tree_message *message = tree.message;
  uint64_t number;
  memset(message, 0, sizeof *message);
  message->cut = cut;
  message->pid = (int)SYS(getpid);
  message->go_on = reason->go_on;
  message->event = reason->event;
  message->events = reason->events;
  hwckpt_format(message->cause, sizeof message->cause, "%s", reason->cause);
  hwckpt_format(message->application, sizeof message->application, "%s",
                checkpoint_newest(&number));
}

_Static_assert(TREE_RELATIVES == CACHE_RELATIVES, "all that are said");

static void take_relatives(const struct tree_message *message) {
  tree.publishes = message->publish;
  quiesce_hurry(message->hurry ? HURRY_STEPS : 0);
  for (unsigned i = 0; i < TREE_RELATIVES; i++) {
    hwckpt_format(tree.relatives.names[i], CACHE_NAME_MAX, "%.*s",
                  TREE_APPLICATION - 1, message->relatives[i]);
    tree.relatives.published[i] = message->published >> i & 1;
  }
}

/* *reason is what is to be served of the process's own, and then why the
 * checkpoint is taken. 1: it is not. */
static int join(uint32_t cut, struct checkpoint_reason *reason,
                struct hwckpt_error *error) {
  int status = connect_to_it(error);
  if (status == 0) {
    say_hello(cut, reason);
    status = send_message(TREE_HELLO, error);
  }
  if (status == 0)
    status = await(TREE_PREPARE, 0, 0, error);
  const struct tree_message *message = tree.message;
  tree.alone = status == 0 && message->number == 1;
  if (status || tree.alone) {
    hang_up();
    return status ? status : 1;
  }
  memcpy(tree.application, message->application, sizeof tree.application);
  take_relatives(message);
  memcpy(tree.cause, message->cause, sizeof tree.cause);
  if (message->event) {
    reason->event = (Event)message->event;
    reason->cause = tree.cause;
  }
  reason->events |= message->events;
  reason->partners = &others;
  return 0;
}

/* Says how it ended here, and hears how it did for all. */
static int end(int status, struct checkpoint_result *result,
               struct hwckpt_error *error) {
  struct tree_message *message = tree.message;
  if (status > 0)
    status = hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, "tree",
                         "a thread waits to be rolled back");
  if (status < 0) {
    if (!tree.gone) {
      struct hwckpt_error ignored;
      memset(message, 0, sizeof *message);
      message->error = *error;
      send_message(TREE_FAILED, &ignored);
    }
    return status;
  }
  status = say(TREE_COMMITTED, error);
  if (status == 0)
    status = never(await(TREE_DONE, 0, 0, error), error);
  if (status)
    return status;
  hwckpt_format(result->generation.application,
                sizeof result->generation.application, "%s",
                message->application);
  result->generation.number = message->number;
  return 0;
}

static int take_with_others(uint32_t cut, struct checkpoint_reason reason,
                            const struct quiesce_hooks *hooks,
                            struct checkpoint_result *result,
                            struct hwckpt_error *error) {
  int status = join(cut, &reason, error);
  if (status)
    return status;
  status = checkpoint_take(&reason, hooks, result, error);
  status = end(status, result, error);
  quiesce_hurry(0);
  hang_up();
  return status;
}

static int take_alone(struct checkpoint_reason reason,
                      const struct quiesce_hooks *hooks,
                      struct checkpoint_result *result,
                      struct hwckpt_error *error) {
  reason.partners = &nobody;
  return checkpoint_take(&reason, hooks, result, error);
}

int cut_decline(uint32_t cut, const struct checkpoint_reason *reason,
                const struct hwckpt_error *error) {
  struct hwckpt_error ignored;
  if (!cut && cut_is_root()) /* who says it itself */
    return -(int)error->code;
  if (connect_to_it(&ignored) == 0) {
    say_hello(cut, reason);
    tree.message->error = *error;
    send_message(TREE_HELLO, &ignored);
  }
  hang_up();
  return -(int)error->code;
}

void cut_await_written(void) {
  const struct timespec second = {1, 0};
  for (int i = 0; atomic_load(&tree.writes) && i < WRITE_S; i++)
    SYS(futex, &tree.writes, FUTEX_WAIT_PRIVATE, 1, &second, 0, 0);
}

int cut_take(uint32_t cut, uint64_t section_wait_ns,
             const struct checkpoint_reason *reason,
             const struct quiesce_hooks *hooks,
             struct checkpoint_result *result, struct hwckpt_error *error) {
  int status = 1;
  tree.alone = false;
  tree.section_wait_ns = section_wait_ns;
  tree.section_since = 0;
  tree.closed = false;
  if (!cut && cut_is_root() && cut_is_alone()) {
    status = take_alone(*reason, hooks, result, error);
    if (status <= 0 || quiesce_load_waits())
      return status;
  }
  status = take_with_others(cut, *reason, hooks, result, error);
  if (status > 0 && tree.alone)
    status = take_alone(*reason, hooks, result, error);
  return status;
}
