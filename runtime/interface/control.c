/* control.c - the monitor of control sockets, where other programs ask for a
 * checkpoint or a rollback by a line of text and read what became of it.
 *
 *   checkpoint   resumed N                  it is committed as generation N
 *                error E206 TEXT            there is none, for this reason
 *   rollback     restored N                 the program is back at generation N
 *                error E325 TEXT            it is not, for this reason
 *   status       status pid=P generation=N checkpoints=N failures=N restored=N
 *
 * Whoever connects to a program that came back from generation N first reads
 * `restored N`: its connections of before are gone. The watcher accepts and
 * reads, the checkpoint thread answers. Invariant: a `checkpoint` is answered
 * once, by the first checkpoint that begins after it; so is a `rollback`.
 */
#include "../../intrinsics/hwckptintrin.h"
#include "../arch/sys.h"
#include "../support/live.h"
#include "committed.h"
#include "monitor.h"
#include "rollbacks.h"
#include "watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define CLIENTS 16
#define LINE 80

static LIVE struct {
  _Atomic uint32_t lock; /* of clients; no thread of the program takes it */
  bool started;
  struct {
    int descriptor; /* 0: none */
    uint64_t device, inode;
  } sockets[RULES_MAX];
  struct client {
    int descriptor;                   /* 0: free */
    uint32_t rule;                    /* its index */
    uint32_t asked, served;           /* checkpoints */
    uint32_t back_asked, back_served; /* rollbacks */
    uint32_t used;
    char line[LINE];
  } clients[CLIENTS];
} control;

static void lock(void) {
  while (atomic_exchange(&control.lock, 1))
    SYS(sched_yield);
}

static void unlock(void) { atomic_store(&control.lock, 0); }

static bool wanted(void) { return monitors_next_rule(&kind_control, 0) != 0; }

/* ---- answers; with the lock ---- */

/* Who does not read what was said to him is not waited for. */
static void answer(const struct client *client, const char *text) {
  SYS(sendto, client->descriptor, text, strlen(text),
      MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
}

static void answer_error(const struct client *client,
                         const struct hwckpt_error *error) {
  char text[1400];
  size_t length =
      hwckpt_format(text, sizeof text, "error E%d %s%s%s%s%s", (int)error->code,
                    hwckpt_error_what(error->code), *error->object ? ": " : "",
                    error->object, *error->detail ? ": " : "", error->detail);
  for (size_t i = 0; i < length; i++)
    text[i] = text[i] == '\n' ? ' ' : text[i];
  hwckpt_format(text + length, sizeof text - length, "\n");
  answer(client, text);
}

static void answer_status(const struct client *client) {
  struct hwckpt_statistics now = {0};
  char text[256];
  hwckpt_statistics(&now, sizeof now);
  hwckpt_format(text, sizeof text,
                "status pid=%d generation=%llu checkpoints=%llu failures=%llu "
                "restored=%llu\n",
                (int)SYS(getpid), (unsigned long long)committed_newest(),
                now.checkpoints, now.failures,
                (unsigned long long)events_restored_from());
  answer(client, text);
}

static void drop(struct client *client) {
  watcher_remove(client->descriptor);
  SYS(close, client->descriptor);
  memset(client, 0, sizeof *client);
}

/* ---- requests, on the watcher ---- */

static bool is_line(const struct client *client, const char *word) {
  return client->used == strlen(word) &&
         memcmp(client->line, word, client->used) == 0;
}

enum asks { NOTHING, CHECKPOINT = 1, ROLLBACK = 2 };

static enum asks serve_line(struct client *client) {
  enum asks asks = NOTHING;
  if (is_line(client, "checkpoint")) {
    client->asked++;
    asks = CHECKPOINT;
  } else if (is_line(client, "rollback")) {
    client->back_asked++;
    asks = ROLLBACK;
  } else if (is_line(client, "status")) {
    answer_status(client);
  } else {
    struct hwckpt_error error;
    hwckpt_fail(&error, HWCKPT_E_REQUEST, 0, "", "'%.*s'", (int)client->used,
                client->line);
    answer_error(client, &error);
  }
  client->used = 0;
  return asks;
}

/* What is too long for a line is refused as far as it came. */
static enum asks take_byte(struct client *client, char byte) {
  if (byte == '\n')
    return serve_line(client);
  if (client->used < LINE)
    client->line[client->used++] = byte == '\r' ? ' ' : byte;
  return NOTHING;
}

static void read_client(uint32_t index, uint32_t events) {
  struct client *client = &control.clients[index];
  char bytes[256];
  unsigned asks = NOTHING;
  uint32_t rule = 0;
  (void)events;
  lock();
  while (client->descriptor) {
    long length = SYS(recvfrom, client->descriptor, bytes, sizeof bytes,
                      MSG_DONTWAIT, 0, 0);
    if (length == -EAGAIN || length == -EINTR)
      break;
    if (length <= 0) {
      drop(client);
      break;
    }
    for (long i = 0; i < length; i++)
      asks |= take_byte(client, bytes[i]);
    rule = client->rule;
  }
  unlock();
  if (asks & CHECKPOINT)
    monitors_fire(&monitors_rules()->rule[rule], 0);
  if (asks & ROLLBACK)
    rollbacks_request(0);
}

/* Of the program's own user, or root. */
static bool is_trusted(long descriptor) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  return SYS(getsockopt, descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) ==
             0 &&
         (peer.uid == 0 || peer.uid == (uid_t)SYS(geteuid));
}

static bool add_client(int descriptor, uint32_t rule) {
  for (uint32_t i = 0; i < CLIENTS; i++) {
    struct client *client = &control.clients[i];
    if (client->descriptor)
      continue;
    client->descriptor = descriptor;
    client->rule = rule;
    if (watcher_add(descriptor, EPOLLIN, read_client, i) < 0) {
      memset(client, 0, sizeof *client);
      return false;
    }
    char text[64];
    hwckpt_format(text, sizeof text, "restored %llu\n",
                  (unsigned long long)events_restored_from());
    if (events_restored_from())
      answer(client, text);
    return true;
  }
  struct hwckpt_error error;
  struct client refused = {.descriptor = descriptor};
  hwckpt_fail(&error, HWCKPT_E_REQUEST, 0, "", "%d others are connected",
              CLIENTS);
  answer_error(&refused, &error);
  return false;
}

static void accept_client(uint32_t rule, uint32_t events) {
  (void)events;
  long descriptor = SYS(accept4, control.sockets[rule].descriptor, 0, 0,
                        SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0)
    return;
  lock();
  bool added = is_trusted(descriptor) && add_client((int)descriptor, rule);
  unlock();
  if (!added)
    SYS(close, descriptor);
}

/* ---- the sockets, on the checkpoint thread ---- */

static void refuse(const struct rule *rule, long number, const char *what) {
  struct hwckpt_error error;
  hwckpt_fail(&error, HWCKPT_E_CONTROL, (int)-number, rule->name, "%s", what);
  events_say(&error);
}

/* Two programs do not find the same left-over socket at the same time: the
 * folder is locked, or after a while it is not waited for. A descriptor. */
#define TRIES 100
static long lock_folder(const char *path) {
  char folder[RULE_TEXT];
  size_t length = strlen(path);
  while (length && path[length - 1] != '/')
    length--;
  hwckpt_format(folder, sizeof folder, "%.*s", (int)length, path);
  long descriptor =
      SYS(openat, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  struct timespec moment = {.tv_nsec = 10000000};
  for (unsigned i = 0; descriptor >= 0 && i < TRIES &&
                       SYS(flock, descriptor, LOCK_EX | LOCK_NB) < 0;
       i++)
    SYS(nanosleep, &moment, 0);
  return descriptor;
}

/* Binds it; what a program left there that has ended is removed. */
static long bind_there(long descriptor, const struct sockaddr_un *address,
                       const char **what) {
  struct stat status;
  *what = "bind";
  long result = SYS(bind, descriptor, address, sizeof *address);
  if (result != -EADDRINUSE)
    return result;
  *what = "it is there, and no socket";
  if (SYS(newfstatat, AT_FDCWD, address->sun_path, &status,
          AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISSOCK(status.st_mode))
    return result;
  *what = "another program listens there";
  long probe =
      SYS(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  long answer = SYS(connect, probe, address, sizeof *address);
  SYS(close, probe);
  if (answer != -ECONNREFUSED)
    return result;
  *what = "what is left there cannot be removed";
  result = SYS(unlinkat, AT_FDCWD, address->sun_path, 0);
  return result < 0 ? result : SYS(bind, descriptor, address, sizeof *address);
}

static void start_rule(const struct rule *rule) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  uint32_t index = monitors_index(rule);
  struct stat status;
  const char *what = "socket";
  hwckpt_format(address.sun_path, sizeof address.sun_path, "%s", rule->name);
  long descriptor =
      SYS(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  long result = descriptor, folder = lock_folder(rule->name);
  /* For its user alone, as bind(2) makes it. */
  if (result >= 0)
    result = SYS(fchmod, descriptor, S_IRUSR | S_IWUSR);
  if (result >= 0)
    result = bind_there(descriptor, &address, &what);
  if (result >= 0)
    result = SYS(listen, descriptor, CLIENTS);
  control.sockets[index].descriptor = (int)descriptor;
  if (result >= 0)
    result = watcher_add((int)descriptor, EPOLLIN, accept_client, index);
  if (folder >= 0)
    SYS(close, folder);
  if (result < 0) {
    control.sockets[index].descriptor = 0;
    if (descriptor >= 0)
      SYS(close, descriptor);
    refuse(rule, result, what);
  } else if (SYS(newfstatat, AT_FDCWD, rule->name, &status,
                 AT_SYMLINK_NOFOLLOW) == 0) {
    control.sockets[index].device = status.st_dev;
    control.sockets[index].inode = status.st_ino;
  }
}

static void start(const struct hwckpt_options *options) {
  const struct rule *rule = 0;
  (void)options;
  if (control.started)
    return;
  control.started = true;
  while ((rule = monitors_next_rule(&kind_control, rule)))
    start_rule(rule);
}

/* Takes the names away, if they are still ours. */
static void stop(void) {
  const struct rule *rule = 0;
  while ((rule = monitors_next_rule(&kind_control, rule))) {
    uint32_t index = monitors_index(rule);
    struct stat status;
    if (control.sockets[index].descriptor &&
        SYS(newfstatat, AT_FDCWD, rule->name, &status, AT_SYMLINK_NOFOLLOW) ==
            0 &&
        status.st_dev == control.sockets[index].device &&
        status.st_ino == control.sockets[index].inode)
      SYS(unlinkat, AT_FDCWD, rule->name, 0);
  }
}

static void forget(void) { memset(&control, 0, sizeof control); }

/* ---- checkpoints ---- */

static bool waits(void) {
  bool found = false;
  lock();
  for (uint32_t i = 0; i < CLIENTS; i++)
    found |= control.clients[i].asked != 0;
  unlock();
  return found;
}

static void begun(void) {
  lock();
  for (uint32_t i = 0; i < CLIENTS; i++)
    control.clients[i].served = control.clients[i].asked;
  unlock();
}

/* Takes what is served off what was asked for, an answer each. */
static void answer_each(struct client *client, uint32_t *asked,
                        uint32_t *served, const char *text,
                        const struct hwckpt_error *error) {
  for (; *served; (*served)--, (*asked)--)
    if (error)
      answer_error(client, error);
    else
      answer(client, text);
}

static void ended(const struct outcome *outcome) {
  char text[64] = "";
  if (!outcome->result && !outcome->error)
    return;
  if (outcome->result)
    hwckpt_format(text, sizeof text, "resumed %llu\n",
                  (unsigned long long)outcome->result->generation.number);
  lock();
  for (struct client *c = control.clients; c < control.clients + CLIENTS; c++)
    answer_each(c, &c->asked, &c->served, text,
                outcome->result ? 0 : outcome->error);
  unlock();
}

static void back_begun(void) {
  lock();
  for (uint32_t i = 0; i < CLIENTS; i++)
    control.clients[i].back_served = control.clients[i].back_asked;
  unlock();
}

static void back_ended(const struct outcome_back *outcome) {
  char text[64];
  hwckpt_format(text, sizeof text, "restored %llu\n",
                (unsigned long long)outcome->generation);
  lock();
  for (struct client *c = control.clients; c < control.clients + CLIENTS; c++)
    answer_each(c, &c->back_asked, &c->back_served, text, outcome->error);
  unlock();
}

const struct monitor control_monitor = {
    .name = "control",
    .event = Event_EVENT_CONTROL,
    .wanted = wanted,
    .start = start,
    .waits = waits,
    .begun = begun,
    .ended = ended,
    .back_begun = back_begun,
    .back_ended = back_ended,
    .stop = stop,
    .forget = forget,
};
