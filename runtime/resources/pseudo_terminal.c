/* pseudo_terminal.c - pseudo terminals (pty(7)) whose master is in the program:
 * settings, window size, session, and what is on its way in both directions
 * (terminal_content.c).
 *
 * All of it is saved with the master's descriptor. The terminal is made with
 * the first descriptor of one, be it a slave's; then its master is put at its
 * own number at once, through which slaves are opened. It gets its number back
 * where nobody has it by now. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "descriptor_facts.h"
#include "info.h"
#include "resource.h"
#include "terminal_content.h"
#include "tree.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Where the parts of the content are, behind a small message. */
#define CONTENT_AT ((size_t)4096)
#define CONTENT_ROOM (RESOURCE_SCRATCH_FACTS - CONTENT_AT)
/* Terminals that are made in passing, to get a number. */
#define PASSED_MAX 64
/* A slave's inode is its number and this (the kernel's fs/devpts/inode.c). */
#define DEVPTS_INODES 3u

static const char slaves[] = "/dev/pts/";

/* The number and 1 of a slave's path; 0: it is none. */
static uint32_t slave_number(const char *path) {
  uint64_t number;
  if (!info_begins(path, slaves) ||
      !info_number(path + sizeof(slaves) - 1, "", 10, &number))
    return 0;
  return (uint32_t)number + 1;
}

/* The lowest descriptor of the master; null: it is not in the program. */
static const struct descriptor_fact *master_of(const struct resource_sink *sink,
                                               uint32_t terminal) {
  for (size_t i = 0; i < sink->fact_count; i++)
    if (S_ISCHR(sink->facts[i].mode) && sink->facts[i].id == terminal)
      return &sink->facts[i];
  return 0;
}

/* Whether another process of the tree has a descriptor of it. */
static bool in_tree(const struct resource_sink *sink, uint32_t terminal,
                    uint32_t which) {
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, TREE_TERMINAL_DEVICE, terminal, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].flags == which)
      return true;
  return false;
}

/* The terminal of a master's or slave's descriptor, 0: it is none of ours. */
static uint32_t terminal_of(const struct resource_sink *sink,
                            const Descriptor *message) {
  if (!S_ISCHR(message->mode) || message->flags & O_PATH)
    return 0;
  const struct descriptor_fact *fact = facts_find(sink, message->number);
  if (fact && fact->id)
    return (uint32_t)fact->id;
  uint32_t terminal = slave_number(message->path);
  return terminal && (master_of(sink, terminal) ||
                      in_tree(sink, terminal, TREE_TERMINAL_MASTER))
             ? terminal
             : 0;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  return terminal_of(sink, message) != 0;
}

/* ---- saving ---- */

/* Whether the link of that name leads to a slave of the terminal. */
static bool is_slave(const char *name, uint32_t terminal) {
  char path[64];
  long length = SYS(readlinkat, AT_FDCWD, name, path, sizeof(path) - 1);
  path[length < 0 ? 0 : length] = 0;
  return slave_number(path) == terminal;
}

/* The lowest descriptor of a slave that the process has; -1: none. */
static int slave_of(const struct resource_sink *sink, uint32_t terminal) {
  char name[64];
  for (size_t i = 0; i < sink->fact_count; i++) {
    const struct descriptor_fact *fact = &sink->facts[i];
    if (!S_ISCHR(fact->mode) || fact->id || fact->flags & O_PATH ||
        fact->inode != terminal - 1 + DEVPTS_INODES)
      continue;
    info_descriptor(name, "fd", fact->number);
    if (is_slave(name, terminal))
      return fact->number;
  }
  return -1;
}

static bool has_slave(const struct resource_sink *sink, uint32_t terminal) {
  return slave_of(sink, terminal) >= 0 || in_tree(sink, terminal, 0);
}

struct outside {
  struct stat slave;
  bool found;
};

static void look_at_process(int process, void *context) {
  struct outside *outside = context;
  outside->found |=
      !outside->found && info_process_has(process, &outside->slave);
}

/* Whether another process has a slave of a terminal of which nobody in the
 * program has one. The kernel does not tell, and to open one would be seen when
 * it is closed: all processes are looked at that may be. */
static bool is_open_outside(const Descriptor *message) {
  struct outside outside = {.found = false};
  char path[sizeof(slaves) + 12];
  hwckpt_format(path, sizeof(path), "%s%u", slaves, message->terminal - 1);
  return SYS(newfstatat, AT_FDCWD, path, &outside.slave, 0) < 0 ||
         minor(outside.slave.st_rdev) != message->terminal - 1 ||
         info_each_number("/proc", look_at_process, &outside) < 0 ||
         outside.found;
}

/* What the master wrote before there was a slave, as far as it shows: its echo.
 */
static bool holds_echo(int master) {
  int waiting = 0;
  SYS(ioctl, master, FIONREAD, &waiting);
  return waiting > 0;
}

/* Whether all slaves are closed that there ever were. */
static bool hung_up(int master) {
  struct pollfd look = {master, 0, 0};
  SYS(poll, &look, 1, 0);
  return look.revents & POLLHUP;
}

/* Here O_CLOEXEC would stay with the open file as well: every descriptor of it
 * would seem to have it. */
static long open_slave(int master, uint32_t flags) {
  long slave = SYS(ioctl, master, TIOCGPTPEER, flags | O_NOCTTY);
  if (slave >= 0)
    SYS(fcntl, slave, F_SETFD, FD_CLOEXEC);
  return slave;
}

/* The session of a terminal that the program leads, or of its tree any. */
static void save_session(int master, PseudoTerminal *state) {
  int session = 0;
  int group = 0;
  long own = SYS(getsid, 0);
  if (SYS(ioctl, master, TIOCGSID, &session) < 0)
    return;
  state->controls = session == own && own == SYS(getpid);
  state->session = state->common ? session : 0;
  if (!state->controls && !state->session)
    return;
  SYS(ioctl, master, TIOCGPGRP, &group);
  state->foreground = group;
}

static bool get_flag(int master, unsigned long request) {
  int value = 0;
  return SYS(ioctl, master, request, &value) >= 0 && value;
}

static void set_flag(int master, unsigned long request, int value) {
  SYS(ioctl, master, request, &value);
}

static long save_state(struct terminal_ends ends, PseudoTerminal *state) {
  struct stat facts;
  state->locked = get_flag(ends.master, TIOCGPTLCK);
  state->exclusive = get_flag(ends.master, TIOCGEXCL);
  state->packets = get_flag(ends.master, TIOCGPKT);
  save_session(ends.master, state);
  state->settings.size = sizeof(struct terminal_settings);
  state->window.size = 8;
  if (ends.slave >= 0 && SYS(fstat, ends.slave, &facts) >= 0)
    state->mode = facts.st_mode;
  state->slave_exclusive = ends.slave >= 0 && get_flag(ends.slave, TIOCGEXCL);
  long result = SYS(ioctl, ends.master, TIOCGWINSZ, state->window.bytes);
  return result < 0 ? result
                    : terminal_get(ends.master, (void *)state->settings.bytes);
}

/* Calls visit for each part; its first negative result ends that. */
static long each_part(char *parts, size_t length,
                      long (*visit)(char *part, size_t size, void *context),
                      void *context) {
  long result = 0;
  for (size_t at = 0; at < length && result >= 0;) {
    uint32_t size;
    memcpy(&size, parts + at, sizeof(size));
    result = visit(parts + at + sizeof(size), (size_t)size + 1, context);
    at += sizeof(size) + 1 + size;
  }
  return result;
}

struct putting {
  struct resource_sink *sink;
  struct hwckpt_error *error;
  struct terminal_ends ends;
  const struct terminal_settings *settings;
};

static long put_part(char *part, size_t size, void *context) {
  struct putting *to = context;
  return to->sink->put(to->sink, RECORD_TERMINAL_DATA, part, size, to->error);
}

static long put_back(char *part, size_t size, void *context) {
  struct putting *to = context;
  return terminal_feed(to->ends, to->settings, (unsigned char)*part, part + 1,
                       size - 1);
}

static int cannot(struct hwckpt_error *error, const Descriptor *message,
                  long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, message->path,
                     "descriptor %d: %s", (int)message->number, what);
}

/* The terminal is empty afterwards, or as it was. */
static int save_content(struct resource_sink *sink, const Descriptor *message,
                        struct terminal_ends ends,
                        const struct terminal_settings *settings,
                        struct hwckpt_error *error) {
  struct putting to = {sink, error, ends, settings};
  char *parts = (char *)sink->scratch + CONTENT_AT;
  long length = terminal_drain(ends, settings, parts, CONTENT_ROOM);
  if (length < 0)
    return cannot(error, message, length, "reading what is in it");
  long failed = each_part(parts, (size_t)length, put_part, &to);
  long result = length ? terminal_feed_begin(ends, settings) : 0;
  if (result >= 0)
    result = each_part(parts, (size_t)length, put_back, &to);
  if (result < 0)
    return cannot(error, message, result, "putting back what was in it");
  return failed < 0 ? (int)failed : 0;
}

/* With nothing in the way of its content. */
static int save_ends(struct resource_sink *sink, const Descriptor *message,
                     struct terminal_ends ends, PseudoTerminal *state,
                     struct hwckpt_error *error) {
  struct terminal_settings settings;
  long result = save_state(ends, state);
  if (result < 0)
    return cannot(error, message, result, "its settings");
  int failed = resource_put(sink, RECORD_PSEUDO_TERMINAL, PseudoTerminal_fields,
                            state, error);
  if (failed || ends.slave < 0)
    return failed;
  memcpy(&settings, state->settings.bytes, sizeof(settings));
  if (state->packets)
    set_flag(ends.master, TIOCPKT, 0);
  SYS(fcntl, ends.master, F_SETFL, message->flags | O_NONBLOCK);
  failed = save_content(sink, message, ends, &settings, error);
  terminal_set(ends.master, &settings);
  SYS(fcntl, ends.master, F_SETFL, message->flags);
  if (state->packets)
    set_flag(ends.master, TIOCPKT, 1);
  return failed;
}

/* A slave of our own. Only of a terminal that has or had one: when it is closed
 * again, it would tell the master that all are. */
static void open_own_slave(struct terminal_ends *ends, bool locked) {
  if (locked)
    set_flag(ends->master, TIOCSPTLCK, 0);
  ends->slave = (int)open_slave(ends->master, O_RDWR | O_NONBLOCK);
  if (locked)
    set_flag(ends->master, TIOCSPTLCK, 1);
}

/* The same of one that the program has made exclusive (TIOCEXCL): beside it
 * root alone may open it. */
static void open_exclusive(const struct resource_sink *sink, uint32_t terminal,
                           struct terminal_ends *ends, bool locked) {
  int number = slave_of(sink, terminal);
  long slave = number < 0 ? -1 : borrow_number(sink, number);
  if (slave < 0)
    return;
  SYS(ioctl, slave, TIOCNXCL, 0);
  open_own_slave(ends, locked);
  SYS(ioctl, slave, TIOCEXCL, 0);
  SYS(close, slave);
}

static int discipline_of(int terminal) {
  int discipline = 0;
  SYS(ioctl, terminal, TIOCGETD, &discipline);
  return discipline;
}

static int refuse_discipline(struct resource_sink *sink,
                             const Descriptor *message, int discipline,
                             struct hwckpt_error *error) {
  return resource_unsupported(sink, error, message->path,
                              "descriptor %d: line discipline %d",
                              (int)message->number, discipline);
}

static int refuse_exclusive(struct resource_sink *sink, Descriptor *message,
                            struct hwckpt_error *error) {
  message->kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED;
  return resource_unsupported(
      sink, error, message->path,
      "descriptor %d, whose other side another process has made exclusive",
      (int)message->number);
}

static int save_master(struct resource_sink *sink, Descriptor *message,
                       int master, struct hwckpt_error *error) {
  struct terminal_ends ends = {master, -1};
  PseudoTerminal state = PseudoTerminal_init_zero;
  bool locked = get_flag(master, TIOCGPTLCK);
  state.common = sink->tree != 0;
  state.terminal = message->terminal;
  state.master = message->number;
  state.opened = hung_up(master) || has_slave(sink, message->terminal);
  if (!state.opened && !locked &&
      (holds_echo(master) || is_open_outside(message))) {
    message->kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED;
    return resource_unsupported(
        sink, error, message->path,
        "descriptor %d, whose other side is outside the program",
        (int)message->number);
  }
  int discipline = discipline_of(master);
  if (!discipline && state.opened)
    open_own_slave(&ends, locked);
  if (ends.slave == -EBUSY)
    open_exclusive(sink, message->terminal, &ends, locked);
  if (ends.slave == -EBUSY)
    return refuse_exclusive(sink, message, error);
  if (ends.slave >= 0 && (discipline = discipline_of(ends.slave))) {
    SYS(close, ends.slave); /* nothing could be read from it */
    ends.slave = -1;
  }
  int result =
      discipline ? refuse_discipline(sink, message, discipline, error) : 0;
  if (!result)
    result = save_ends(sink, message, ends, &state, error);
  if (ends.slave >= 0)
    SYS(close, ends.slave);
  return result;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  message->terminal = terminal_of(sink, message);
  if (message->same_as >= 0 || slave_number(message->path))
    return 0;
  long master = borrow_number(sink, message->number);
  if (master < 0)
    return cannot(error, message, master, "pidfd_getfd");
  int result = save_master(sink, message, (int)master, error);
  SYS(close, master);
  return result;
}

/* ---- restoring ---- */

static int refuse(struct hwckpt_error *error, const Descriptor *message,
                  long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                     message->path, "descriptor %d: %s", (int)message->number,
                     what);
}

/* The record of the terminal; its content begins at the one after. */
static int find(const struct resource_source *source, const Descriptor *message,
                PseudoTerminal *state, size_t *at, struct hwckpt_error *error) {
  *at = (size_t)-1;
  while (resource_next(source, RECORD_PSEUDO_TERMINAL, at)) {
    int result = resource_get(&source->records[*at], PseudoTerminal_fields,
                              state, error);
    if (result)
      return result;
    if (state->terminal == message->terminal &&
        state->settings.size == sizeof(struct terminal_settings) &&
        state->window.size == 8)
      return 0;
  }
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, message->path,
                     "descriptor %d: no record of its terminal",
                     (int)message->number);
}

static uint32_t number_now(int master) {
  uint32_t number = 0;
  SYS(ioctl, master, TIOCGPTN, &number);
  return number;
}

/* A new terminal, with the number it had if that can be had: the kernel gives
 * the lowest that is free. */
static long new_master(const char *path, uint32_t number) {
  int passed[PASSED_MAX];
  unsigned count = 0;
  long flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  long master = SYS(openat, AT_FDCWD, path, flags, 0);
  while (master >= 0 && number_now((int)master) < number &&
         count < PASSED_MAX) {
    long next = SYS(openat, AT_FDCWD, path, flags, 0);
    if (next < 0)
      break;
    bool lower = number_now((int)next) <= number;
    passed[count++] = (int)(lower ? master : next);
    if (!lower)
      break;
    master = next;
  }
  while (count)
    SYS(close, passed[--count]);
  return master;
}

static long feed(const struct resource_source *source, size_t at,
                 struct terminal_ends ends,
                 const struct terminal_settings *settings) {
  long result = 0;
  for (; result >= 0 && at < source->count; at++) {
    const struct resource_record *record = &source->records[at];
    if (record->type != RECORD_TERMINAL_DATA)
      break;
    const char *bytes = record->data;
    result = record->length
                 ? terminal_feed(ends, settings, (unsigned char)bytes[0],
                                 bytes + 1, record->length - 1)
                 : -EINVAL;
  }
  return result;
}

/* The terminal controls the session that the program leads again. */
static void take_control(struct resource_source *source,
                         const Descriptor *message, int slave,
                         const PseudoTerminal *state) {
  int session = 0;
  int group = state->foreground;
  long result = SYS(ioctl, slave, TIOCGSID, &session);
  if (result < 0 || session != SYS(getsid, 0))
    result = SYS(ioctl, slave, TIOCSCTTY, 0);
  if (result >= 0)
    result = SYS(ioctl, slave, TIOCSPGRP, &group);
  if (result < 0)
    resource_not_set(source, result, message->path,
                     "descriptor %d: its session and process group",
                     (int)message->number);
}

/* Settings and content, of a terminal that is new and empty. */
static long fill(struct resource_source *source, const Descriptor *message,
                 const PseudoTerminal *state, size_t at, int master) {
  struct terminal_settings settings;
  struct terminal_ends ends = {master, -1};
  long result = 0;
  memcpy(&settings, state->settings.bytes, sizeof(settings));
  SYS(ioctl, master, TIOCSWINSZ, state->window.bytes);
  set_flag(master, TIOCPKT, 0);
  if (state->opened) {
    /* Other processes open theirs at this time. */
    open_own_slave(&ends, !state->common);
    result = ends.slave < 0 ? ends.slave : terminal_feed_begin(ends, &settings);
    if (result >= 0)
      result = feed(source, at + 1, ends, &settings);
    if (ends.slave >= 0 && state->mode)
      SYS(fchmod, ends.slave, state->mode & 07777);
    if (ends.slave >= 0 && state->controls)
      take_control(source, message, ends.slave, state);
    if (ends.slave >= 0)
      SYS(close, ends.slave);
  }
  if (result >= 0)
    result = terminal_set(master, &settings);
  set_flag(master, TIOCPKT, state->packets);
  SYS(ioctl, master, state->exclusive ? TIOCEXCL : TIOCNXCL, 0);
  set_flag(master, TIOCSPTLCK, state->locked);
  return result;
}

/* Makes the terminal; its master is then at its own number. */
static int make(struct resource_source *source, const Descriptor *message,
                const PseudoTerminal *state, size_t at,
                struct hwckpt_error *error) {
  const char *path = slave_number(message->path) ? "/dev/ptmx" : message->path;
  bool is_there = state->common && source->take;
  long fd = is_there ? tree_receive(source, TREE_TERMINAL, state->terminal,
                                    message, error)
                     : new_master(path, state->terminal - 1);
  if (is_there && fd < 0)
    return (int)fd;
  if (fd < 0)
    return refuse(error, message, fd, "opening a master");
  if (number_now((int)fd) != state->terminal - 1)
    resource_not_set(source, -EBUSY, message->path,
                     "descriptor %d: the terminal is number %u, and was %u",
                     (int)message->number, number_now((int)fd),
                     state->terminal - 1);
  if (fd != state->master) {
    long placed = SYS(dup3, fd, state->master, O_CLOEXEC);
    SYS(close, fd);
    if (placed < 0)
      return refuse(error, message, placed, "placing the master");
  }
  long result = fill(source, message, state, at, state->master);
  return result < 0 ? refuse(error, message, result, "what was in it") : 0;
}

/* Whether the terminal is made: one of its descriptors has a lower number. */
static bool is_made(const struct resource_source *source, uint32_t terminal) {
  Descriptor other;
  for (size_t i = 0; i < source->at; i++)
    if (source->records[i].type == RECORD_DESCRIPTOR &&
        resource_get(&source->records[i], Descriptor_fields, &other, 0) == 0 &&
        other.kind == DescriptorKind_DESCRIPTOR_PSEUDO_TERMINAL &&
        other.terminal == terminal && !tree_takes(&other))
      return true;
  return false;
}

/* Another process has the master. */
static int open_of_others(struct resource_source *source,
                          const Descriptor *message,
                          struct hwckpt_error *error) {
  int master =
      tree_receive(source, TREE_TERMINAL, message->terminal, message, error);
  if (master < 0)
    return master;
  long fd = open_slave(master, message->flags &
                                   ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC));
  SYS(close, master);
  return fd < 0 ? refuse(error, message, fd, "opening a slave") : (int)fd;
}

static bool has_record(const struct resource_source *source,
                       const Descriptor *message) {
  PseudoTerminal state;
  size_t at;
  struct hwckpt_error error;
  return find(source, message, &state, &at, &error) == 0;
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  PseudoTerminal state;
  size_t at;
  if (source->take && slave_number(message->path) &&
      !has_record(source, message))
    return open_of_others(source, message, error);
  int result = find(source, message, &state, &at, error);
  if (!result && !is_made(source, message->terminal))
    result = make(source, message, &state, at, error);
  if (result)
    return result;
  uint32_t flags =
      message->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
  if (state.master == message->number) {
    SYS(fcntl, state.master, F_SETFL, flags);
    return state.master;
  }
  if (state.locked)
    set_flag(state.master, TIOCSPTLCK, 0);
  long fd = open_slave(state.master, flags);
  if (state.locked)
    set_flag(state.master, TIOCSPTLCK, 1);
  return fd < 0 ? refuse(error, message, fd, "opening a slave") : (int)fd;
}

/* When all slaves are open. */
static int settle(struct resource_source *source, const Descriptor *message,
                  int descriptor, struct hwckpt_error *error) {
  PseudoTerminal state = PseudoTerminal_init_zero;
  struct terminal_ends ends = {descriptor, -1};
  struct hwckpt_error ignored;
  size_t at;
  (void)error;
  if (find(source, message, &state, &at, &ignored) ||
      state.master != descriptor || !state.slave_exclusive)
    return 0;
  open_own_slave(&ends, state.locked);
  if (ends.slave < 0) {
    resource_not_set(source, ends.slave, message->path,
                     "descriptor %d: its other side exclusive",
                     (int)message->number);
    return 0;
  }
  SYS(ioctl, ends.slave, TIOCEXCL, 0);
  SYS(close, ends.slave);
  return 0;
}

/* ---- rolling back ---- */

/* What settle() did, or the program since: others may open it again. */
static void let_in(const struct resource_source *source, uint32_t terminal) {
  char name[64];
  for (size_t i = 0; i < source->now_count; i++) {
    int number = source->now[i].number;
    info_descriptor(name, "fd", number);
    if (source->now[i].stays && is_slave(name, terminal)) {
      SYS(ioctl, number, TIOCNXCL, 0);
      return;
    }
  }
}

/* The terminal stays, for its master's end would be a hang-up to its session.
 */
static int take_back(struct resource_source *source, const Descriptor *message,
                     int descriptor, struct hwckpt_error *error) {
  PseudoTerminal state = PseudoTerminal_init_zero;
  size_t at;
  SYS(fcntl, descriptor, F_SETFL, message->flags | O_NONBLOCK);
  int result = find(source, message, &state, &at, error);
  if (!result && state.master == descriptor) {
    struct terminal_ends ends = {descriptor, -1};
    let_in(source, message->terminal);
    if (state.opened)
      open_own_slave(&ends, get_flag(descriptor, TIOCGPTLCK));
    if (ends.slave >= 0) {
      terminal_go_on(ends.slave);
      SYS(ioctl, ends.slave, TCFLSH, 2 /* TCIOFLUSH */);
      SYS(ioctl, descriptor, TCFLSH, 2);
    }
    long filled = fill(source, message, &state, at, descriptor);
    if (ends.slave >= 0)
      SYS(close, ends.slave);
    if (filled < 0)
      result = refuse(error, message, filled, "what was in it");
  }
  SYS(fcntl, descriptor, F_SETFL, message->flags);
  return result;
}

/* All masters look alike. */
static int check(struct resource_source *source, const Descriptor *message,
                 int descriptor, struct hwckpt_error *error) {
  (void)source;
  if (descriptor < 0 || slave_number(message->path) ||
      number_now(descriptor) == message->terminal - 1)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, message->path,
                     "descriptor %d is another terminal's since",
                     (int)message->number);
}

const struct descriptor_kind hwckpt_descriptor_pseudo_terminal = {
    .name = "pseudo terminal",
    .kind = DescriptorKind_DESCRIPTOR_PSEUDO_TERMINAL,
    .recognise = recognise,
    .save = save,
    .open = reopen,
    .settle = settle,
    .rewind = take_back,
    .check = check,
};
