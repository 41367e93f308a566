/* key_command.c - see key_command.h.
 *
 * A process of its own looks after it, the keeper: all that descends from it is
 * the command's, for orphans come to the keeper (PR_SET_CHILD_SUBREAPER), and
 * to nobody else, who would have to tell them from children of his own. Its
 * exit signal is 0: no wait of a program sees it. It is told when it is to end
 * the command, by a signal, which it also gets when its parent dies. What it
 * then kills leaves its children to it, so it is done when it has none.
 */
#include "key_command.h"

#include "../arch/arch.h"
#include "../arch/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif

#define END SIGTERM
#define LET_GO SIGUSR1
#define BIT(signal) (1ull << ((signal) - 1))

/* When somebody at a terminal interrupts us, the command is interrupted too,
 * and has this long to leave the terminal as it was. */
#define LAST_S 2

/* The keeper runs beside us, with our thread's registers for thread-local
 * variables: of which checks that a compiler inserts make use. */
#define KEEPER __attribute__((no_sanitize("address", "undefined")))

/* ---- the keeper ---- */

/* The command; on a stack of its own, in the keeper's memory until it executes.
 */
KEEPER static void execute(void *argument) {
  struct key_command *command = argument;
  const char *arguments[] = {"sh", "-c", command->text, NULL};
  uint64_t none = 0;
  SYS(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  long output = command->output == 1 ? SYS(fcntl, 1, F_SETFD, 0)
                                     : SYS(dup3, command->output, 1, 0);
  if (output >= 0) {
    if (command->directory) {
      SYS(chdir, command->directory);
      long input = SYS(openat, AT_FDCWD, "/dev/null", O_RDONLY, 0);
      if (input > 0)
        SYS(dup3, input, 0, 0);
      SYS(close_range, 3, ~0u, 0);
    }
    SYS(rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    SYS(execve, "/bin/sh", arguments, command->variables);
  }
  for (;;)
    SYS(exit_group, 127);
}

struct children {
  bool listed;
  size_t there, killed; /* of the list */
};

/* A number that is cut off at the end is nobody's: a space is behind each. */
KEEPER static void kill_listed(const char *list, long length,
                               struct children *children) {
  long pid = 0;
  for (long i = 0; i < length; i++) {
    if (list[i] >= '0' && list[i] <= '9') {
      pid = pid * 10 + (list[i] - '0');
      continue;
    }
    children->there++;
    children->killed += SYS(kill, pid, SIGKILL) == 0;
    pid = 0;
  }
}

/* Whether numbers in /proc are those of our pid namespace. */
KEEPER static bool proc_is_ours(void) {
  char text[64] = {0};
  long length = SYS(readlinkat, AT_FDCWD, "/proc/self", text, sizeof text);
  long pid = 0;
  for (long i = 0; i < length; i++)
    pid = pid * 10 + (text[i] - '0');
  return pid == SYS(getpid);
}

/* `first`: the command, 0 when that has ended. */
KEEPER static struct children kill_children(long first) {
  struct children children = {0};
  char list[1024] = {0};
  long length = -1;
  long fd = SYS(openat, AT_FDCWD, "/proc/thread-self/children",
                O_RDONLY | O_CLOEXEC, 0);
  if (fd >= 0 && proc_is_ours())
    length = SYS(read, fd, list, sizeof list);
  if (fd >= 0)
    SYS(close, fd);
  children.listed = length >= 0;
  if (children.listed)
    kill_listed(list, length, &children);
  else if (first)
    children.killed = SYS(kill, first, SIGKILL) == 0;
  return children;
}

/* Those that may not be killed, of another user by now, are not waited for; nor
 * those that no list shows. A list that is read while somebody ends may be
 * short. */
KEEPER static void end_all(long first) {
  long ended;
  do {
    struct children children = kill_children(first);
    ended = SYS(wait4, -1, 0, __WALL | (children.killed ? 0 : WNOHANG), 0);
    if (ended == first)
      first = 0;
    if (ended == 0 && (children.there || !children.listed))
      return;
  } while (ended >= 0 || ended == -EINTR);
}

/* Whether the command is among those that have ended; its status. */
KEEPER static bool reap(long first, int *status, bool *any) {
  bool is_first = false;
  long ended;
  int with = 0;
  while ((ended = SYS(wait4, -1, &with, __WALL | WNOHANG, 0)) > 0)
    if (ended == first) {
      is_first = true;
      *status = with;
    }
  *any = ended != -ECHILD;
  return is_first;
}

/* Returns whether the command has ended. */
KEEPER static bool wait_last(long first) {
  const uint64_t set = BIT(SIGCHLD);
  const struct timespec last = {LAST_S, 0};
  struct timespec now = {0};
  bool ended = false, any = true;
  int status;
  SYS(clock_gettime, CLOCK_MONOTONIC, &now);
  for (time_t until = now.tv_sec + LAST_S; now.tv_sec < until;) {
    ended |= reap(first, &status, &any);
    if (!any || SYS(rt_sigtimedwait, &set, 0, &last, 8) < 0)
      return ended;
    SYS(clock_gettime, CLOCK_MONOTONIC, &now);
  }
  return ended;
}

KEEPER static _Noreturn void leave(int status) {
  for (;;)
    SYS(exit_group, status);
}

/* All signals are blocked. */
KEEPER static void keep(void *argument) {
  struct key_command *command = argument;
  const uint64_t set = BIT(SIGCHLD) | BIT(END) | BIT(LET_GO);
  const struct {
    uint64_t handler, flags, restorer, mask;
  } by_default = {0};
  int status = -1;
  bool ended = false, let_go = false, any;
  SYS(prctl, PR_SET_PDEATHSIG, END, 0, 0, 0);
  SYS(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  SYS(rt_sigaction, SIGCHLD, &by_default, 0, 8);
  if (SYS(getppid) != command->parent)
    leave(1);
  long first =
      arch_spawn(CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND,
                 command->stack + KEY_COMMAND_STACK, 0, execute, command);
  SYS(close_range, 0, ~0u, 0);
  if (first < 0)
    leave(1);
  for (;;) {
    ended |= reap(first, &status, &any);
    if (ended && let_go)
      leave(status != 0);
    long signal = SYS(rt_sigtimedwait, &set, 0, 0, 8);
    let_go |= signal == LET_GO;
    if (signal != END)
      continue;
    if (SYS(getppid) != command->parent)
      ended |= wait_last(first);
    end_all(ended ? 0 : first);
    leave(1);
  }
}

/* ---- who starts it ---- */

long key_command_start(struct key_command *command, int *from) {
  uint64_t all = ~0ull, before = 0;
  int ends[2] = {-1, -1};
  long failed = SYS(pipe2, ends, O_CLOEXEC);
  if (failed < 0)
    return failed;
  command->output = ends[1];
  command->parent = SYS(getpid);
  *from = ends[0];
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  long keeper =
      arch_spawn(CLONE_CLEAR_SIGHAND | (command->directory ? CLONE_VM : 0),
                 command->keeper_stack + KEY_COMMAND_STACK, 0, keep, command);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  SYS(close, ends[1]);
  if (keeper < 0)
    SYS(close, ends[0]);
  return keeper;
}

long key_command_wait(int from, const struct timespec *patience) {
  struct timespec left = *patience; /* the kernel counts it down */
  struct pollfd source = {.fd = from, .events = POLLIN};
  long ready;
  do
    ready = SYS(ppoll, &source, 1, &left, 0, 8);
  while (ready == -EINTR);
  return ready > 0 ? 0 : ready < 0 ? ready : -ETIMEDOUT;
}

static bool wait_for_end(long keeper) {
  int status = 0;
  long result;
  do
    result = SYS(wait4, keeper, &status, __WALL, 0);
  while (result == -EINTR);
  return result == keeper && status == 0;
}

/* Where no descriptor can be had for it, its end is waited for however long. */
bool key_command_finish(long keeper, const struct timespec *patience) {
  SYS(kill, keeper, LET_GO);
  long fd = patience ? SYS(pidfd_open, keeper, 0) : -1;
  if (fd >= 0) {
    if (key_command_wait((int)fd, patience) < 0)
      SYS(kill, keeper, END);
    SYS(close, fd);
  }
  return wait_for_end(keeper);
}

void key_command_end(long keeper) {
  SYS(kill, keeper, END);
  wait_for_end(keeper);
}
