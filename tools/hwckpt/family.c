/* family.c - see family.h.
 *
 * The processes share a page in which they say how far they are (struct
 * gathering), and wait for each other: all are born, leaders lead, the others
 * have joined their groups. */
#include "family.h"
#include "births.h"
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 100000000 /* how often who waits looks for the tool */

enum step { BORN, LEADING, JOINED, MOVED, STEPS };

struct gathering {
  _Atomic uint32_t arrived[STEPS]; /* futexes */
  _Atomic uint32_t failed;
  _Atomic uint32_t orphans; /* have been made */
};

struct family {
  struct relative *relatives;
  size_t count;
  struct family_entry entry;
  struct gathering *gathering;
};

/* ---- planning ---- */

static const struct relative *by_pid(const struct relative *relatives,
                                     size_t count, pid_t pid) {
  for (size_t i = 0; pid && i < count; i++)
    if (relatives[i].pid == pid)
      return &relatives[i];
  return NULL;
}

/* A process group that nobody leads any more. */
static int give_leader(struct births *births, int index) {
  const struct relative *self = &births->relatives[index];
  if (!self->group || by_pid(births->relatives, births->count, self->group))
    return 0;
  struct relative leader = {.kind = RELATIVE_STAND_IN,
                            .pid = self->group,
                            .group = self->group,
                            .parent = index,
                            .session = self->session,
                            .forker = index,
                            .is_placed = true};
  /* One that ended has no children, but siblings. */
  if (self->kind == RELATIVE_ENDED) {
    leader.parent = self->parent;
    leader.sibling = true;
  }
  return births_add(births, &leader) < 0 ? ENOMEM : 0;
}

static int plan(struct births *births, const struct relative *relatives,
                size_t count) {
  int failed = 0;
  for (size_t i = 0; !failed && i < count; i++)
    failed = births_add(births, &relatives[i]) < 0 ? ENOMEM : 0;
  if (!failed)
    failed = births_plan(births);
  for (size_t i = 0; !failed && i < count; i++)
    failed = give_leader(births, (int)i);
  return failed;
}

struct family *family_plan(const struct relative *relatives, size_t count,
                           const struct family_entry *entry) {
  struct family *family = calloc(1, sizeof *family);
  struct births births = {0};
  if (!family)
    return NULL;
  family->entry = *entry;
  family->gathering =
      mmap(NULL, sizeof *family->gathering, PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int failed = family->gathering == MAP_FAILED
                   ? ENOMEM
                   : plan(&births, relatives, count);
  family->relatives = births.relatives;
  family->count = births.count;
  if (!failed)
    return family;
  family_free(family);
  errno = failed;
  return NULL;
}

void family_free(struct family *family) {
  if (family->gathering != MAP_FAILED)
    munmap(family->gathering, sizeof *family->gathering);
  free(family->relatives);
  free(family);
}

pid_t family_highest(const struct family *family) {
  pid_t highest = 0;
  for (size_t i = 0; i < family->count; i++)
    if (family->relatives[i].pid > highest)
      highest = family->relatives[i].pid;
  return highest;
}

void family_give_up(const struct family *family) {
  atomic_store(&family->gathering->failed, 1);
}

/* ---- in the processes ---- */

/* It is said before others end because of it: the tool hears first things
 * first.
 */
static _Noreturn void give_up_as(struct family *family, pid_t pid,
                                 enum hwckpt_code code, int number,
                                 const char *what) {
  struct hwckpt_error error = {0};
  char object[32];
  snprintf(object, sizeof object, "process %d", (int)pid);
  hwckpt_fail(&error, code, number, object, "%s", what);
  family->entry.failed(family->entry.context, &error);
  atomic_store(&family->gathering->failed, 1);
  _exit(EXIT_TOOL);
}

static _Noreturn void give_up(struct family *family, int index, int number,
                              const char *what) {
  give_up_as(family, family->relatives[index].pid, HWCKPT_E_TREE_MEMBER, number,
             what);
}

/* One that is dead would be waited for without end. A child of this process is
 * when it has ended; an orphan is gone when the tool, or the init of the
 * namespace, has reaped it. 0: none is. */
static pid_t find_dead(const struct family *family) {
  bool orphans = atomic_load(&family->gathering->orphans);
  siginfo_t child = {0};
  if (!waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) && child.si_pid)
    return child.si_pid;
  bool all = atomic_load(&family->gathering->arrived[BORN]) == family->count;
  for (size_t i = 1; orphans && i < family->count; i++) {
    const struct relative *orphan = &family->relatives[i];
    if (orphan->parent != FAMILY_OUTSIDE ||
        (orphan->forker != FAMILY_OUTSIDE && !all))
      continue;
    if (kill(orphan->pid, 0) && errno == ESRCH)
      return orphan->pid;
  }
  return 0;
}

static void wait_for_all(struct family *family, enum step step) {
  _Atomic uint32_t *arrived = &family->gathering->arrived[step];
  uint32_t now = atomic_fetch_add(arrived, 1) + 1;
  if (now == family->count)
    syscall(SYS_futex, arrived, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
  while ((now = atomic_load(arrived)) < family->count) {
    struct timespec look = {.tv_nsec = LOOK_NS};
    struct pollfd tool = {.fd = family->entry.life};
    syscall(SYS_futex, arrived, FUTEX_WAIT, now, &look, NULL, 0);
    if (poll(&tool, 1, 0) > 0 || atomic_load(&family->gathering->failed))
      _exit(EXIT_TOOL);
    pid_t dead = find_dead(family);
    /* Once all have arrived some end as they are to. */
    if (dead && atomic_load(arrived) < family->count)
      give_up_as(family, dead, HWCKPT_E_TREE_BROKEN, 0, "");
  }
}

static _Noreturn void live(struct family *family, int index);

/* A stand-in with any id must not take that of one who is not born yet. */
static pid_t make(struct family *family, const struct relative *relative) {
  for (;;) {
    uint64_t flags = relative->sibling ? CLONE_PARENT : 0;
    int signal =
        relative->kind == RELATIVE_ENDED ? relative->exit_signal : SIGCHLD;
    pid_t pid = clone_process_ending(flags, signal, relative->pid, NULL);
    if (relative->pid || pid < 0)
      return pid;
    pid_t own = pid ? pid : getpid();
    bool is_taken = by_pid(family->relatives, family->count, own) != NULL;
    if (!is_taken)
      return pid;
    if (!pid)
      _exit(0);
    waitpid(pid, NULL, 0);
  }
}

static void bear(struct family *family, int index) {
  pid_t pid = make(family, &family->relatives[index]);
  if (!pid)
    live(family, index);
  if (pid < 0)
    give_up(family, index, -pid, pid == -EEXIST ? "its id is taken" : "clone3");
  family->relatives[index].pid = pid;
}

static void bear_all(struct family *family, int index, bool early) {
  for (size_t i = 1; i < family->count; i++)
    if (family->relatives[i].forker == index &&
        family->relatives[i].early == early)
      bear(family, (int)i);
}

static bool is_needed_as_leader(const struct family *family, pid_t pid) {
  for (size_t i = 0; i < family->count; i++)
    if (family->relatives[i].group == pid)
      return true;
  return false;
}

static void join_groups(struct family *family, int index) {
  const struct relative *self = &family->relatives[index];
  pid_t pid = getpid();
  bool leads_session = self->session == pid;
  bool leads = !leads_session && is_needed_as_leader(family, pid);
  if (leads && setpgid(0, 0))
    give_up(family, index, errno, "making its process group");
  wait_for_all(family, LEADING);
  bool joins = self->group && self->group != pid && !leads_session;
  if (joins && !leads && setpgid(0, self->group))
    give_up(family, index, errno, "joining its process group");
  wait_for_all(family, JOINED);
  if (joins && leads && setpgid(0, self->group))
    give_up(family, index, errno, "joining its process group");
  wait_for_all(family, MOVED);
}

static _Noreturn void end_as(int status) {
  if (!WIFSIGNALED(status))
    _exit(WEXITSTATUS(status));
  int number = WTERMSIG(status);
  struct sigaction standard = {.sa_handler = SIG_DFL};
  struct rlimit none = {1, 1}; /* no core, in a pipe neither: core(5) */
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  setrlimit(RLIMIT_CORE, &none);
  sigaction(number, &standard, NULL);
  kill(getpid(), number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  _exit(128 + number);
}

/* Nothing of those that end here is left for the program to see but what it is
 * to see: neither a signal that waits nor a child it did not have. */
static void see_ends(struct family *family, int index) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  for (size_t i = 0; i < family->count; i++) {
    const struct relative *child = &family->relatives[i];
    siginfo_t left;
    if (child->parent != index || child->kind != RELATIVE_ENDED)
      continue;
    if (child->exit_signal)
      sigaddset(&signals, child->exit_signal);
    while (waitid(P_PID, (id_t)child->pid, &left, WEXITED | WNOWAIT | __WALL) &&
           errno == EINTR)
      ;
  }
  for (size_t i = 0; i < family->count; i++) {
    const struct relative *child = &family->relatives[i];
    if (child->parent != index || child->kind != RELATIVE_STAND_IN)
      continue;
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  /* All signals are blocked. */
  const struct timespec none = {0};
  while (sigtimedwait(&signals, NULL, &none) > 0)
    ;
}

static _Noreturn void live(struct family *family, int index) {
  struct relative *self = &family->relatives[index];
  self->pid = getpid();
  close(family->entry.tool_end);
  if (self->subreaper)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  bear_all(family, index, true);
  if (self->session == getpid() && setsid() < 0)
    give_up(family, index, errno, "making its session");
  /* Whoever is born in the session from then on has it too. */
  if (self->terminal && self->session == getpid() &&
      ioctl(self->terminal, TIOCSCTTY, 0))
    give_up(family, index, errno, "its controlling terminal");
  bear_all(family, index, false);
  wait_for_all(family, BORN);
  if (self->kind == RELATIVE_MEMBER)
    family->entry.born(family->entry.context, self->member);
  join_groups(family, index);
  /* Who was there in front may be gone. */
  if (self->terminal)
    tcsetpgrp(self->terminal, self->foreground);
  if (self->kind == RELATIVE_STAND_IN)
    _exit(0);
  if (self->kind == RELATIVE_ENDED)
    end_as(self->status);
  see_ends(family, index);
  family->entry.run(family->entry.context, self->member);
}

_Noreturn void family_be_root(struct family *family) { live(family, 0); }

int family_make_orphans(struct family *family) {
  for (size_t i = 1; i < family->count; i++) {
    if (family->relatives[i].forker != FAMILY_OUTSIDE)
      continue;
    pid_t pid = make(family, &family->relatives[i]);
    if (!pid)
      live(family, (int)i);
    if (pid < 0) {
      family_give_up(family);
      return pid;
    }
    family->relatives[i].pid = pid;
  }
  atomic_store(&family->gathering->orphans, 1);
  return 0;
}
