/* process_id.c - giving the restored program its old process id: which way is
 * open, and the process itself. pid_namespace.c holds the way by namespaces. */
#include "process_id.h"
#include "command.h"
#include "group_witness.h"
#include "pid_namespace.h"
#include "proc_stat.h"
#include "time_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

/* How long a process that ends may take: to be reaped, and to let its memory
 * go, which is slower the more it has. */
#define REAP_WAIT_MS 2000
#define EXIT_WAIT_MS 20000

#define NEAR 1000 /* numbers, which a busy machine hands out within seconds */

bool id_policy_parse(const char *text, enum id_policy *policy) {
  static const char *const words[] = {"same", "namespace", "any"};
  for (int i = 0; i < 3; i++)
    if (!strcmp(text, words[i])) {
      *policy = (enum id_policy)i;
      return true;
    }
  return false;
}

/* A process that ended is gone from /proc a moment before its id is free (since
 * Linux 6.15, where both were one); an id that a session still has stays. */
#define FREE_MOMENT_NS 1000000
#define FREE_MOMENTS 1000u

static bool has_nobody(pid_t pid) {
  return kill(pid, 0) && errno == ESRCH && kill(-pid, 0) && errno == ESRCH;
}

pid_t clone_process_ending(uint64_t flags, int exit_signal, pid_t set_tid,
                           int *pidfd) {
  const struct timespec moment = {.tv_nsec = FREE_MOMENT_NS};
  struct clone_args_set_tid args = {
      .flags = flags | (pidfd ? CLONE_PIDFD : 0),
      .pidfd = (uintptr_t)pidfd,
      .exit_signal =
          flags & CLONE_PARENT ? 0 : (uint64_t)exit_signal, /* the caller's */
      .set_tid = (uintptr_t)&set_tid,
      .set_tid_size = set_tid != 0,
  };
  if (!set_tid)
    args.set_tid = 0;
  for (unsigned i = 0;; i++) {
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid >= 0)
      return (pid_t)pid;
    int failed = -errno;
    if (failed != -EEXIST || i == FREE_MOMENTS || !has_nobody(set_tid))
      return failed;
    nanosleep(&moment, NULL);
  }
}

pid_t clone_process(uint64_t flags, pid_t set_tid, int *pidfd) {
  return clone_process_ending(flags, SIGCHLD, set_tid, pidfd);
}

/* The kernel asks for the right before it looks whether the number is free: our
 * own number tells which it is, and no process is made. */
static bool may_choose_ids(void) {
  pid_t pid = clone_process(0, getpid(), NULL);
  if (!pid)
    _exit(EXIT_TOOL);
  return pid == -EEXIST;
}

enum occupancy {
  FREE,
  TAKEN,    /* by a process that goes on */
  OURS,     /* by who restores, or what that came of: neither can go */
  UNREAPED, /* by one that ended, and nobody asks for its status */
};

/* As after a start of the machine or the container, when the same numbers are
 * handed out in another order. 1 is taken in each namespace. */
static bool is_ours(pid_t process, const struct proc_stat *stat) {
  return (process != 1 && proc_descends(getpid(), process)) ||
         (!strcmp(stat->comm, GROUP_WITNESS_NAME) &&
          proc_descends(getpid(), stat->parent));
}

/* Who has the number; waits when the one who has it is ending. */
static enum occupancy occupancy_of(pid_t tid, pid_t *process,
                                   struct proc_stat *stat) {
  const struct timespec step = {.tv_nsec = 5000000};
  for (unsigned waited_ms = 0;; waited_ms += 5) {
    *process = proc_of_thread(tid);
    if (!*process || !proc_stat(*process, stat))
      return FREE;
    if (!proc_is_ending(*process, stat))
      return is_ours(*process, stat) ? OURS : TAKEN;
    bool zombie = stat->state == 'Z';
    if (waited_ms >= (zombie ? REAP_WAIT_MS : EXIT_WAIT_MS))
      return UNREAPED;
    nanosleep(&step, NULL);
  }
}

static bool same_executable(pid_t pid, const char *program) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/%d/exe", proc_thread(pid));
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0)
    return false;
  path[length] = 0;
  return !strcmp(path, program);
}

/* Its address space was laid out at the same random places. Where we may not
 * look, the executable decides. */
bool process_id_is_program(pid_t pid, const struct proc_stat *stat,
                           const Process *process) {
  if (stat->start_stack > 1)
    return stat->start_stack == process->start_stack &&
           stat->start_code == process->start_code &&
           stat->arg_start == process->arg_start;
  return same_executable(pid, process->program);
}

static int still_running(const struct generation *generation, pid_t pid,
                         struct hwckpt_error *error) {
  char application[CACHE_NAME_MAX];
  snprintf(application, sizeof application, "%s",
           generation->info->application);
  return hwckpt_fail(error, HWCKPT_E_STILL_RUNNING, 0, application,
                     "as process %d", pid);
}

static int taken(pid_t tid, pid_t process, const struct proc_stat *stat,
                 struct hwckpt_error *error) {
  char number[32];
  snprintf(number, sizeof number, "%d", tid);
  return tid == process ? hwckpt_fail(error, HWCKPT_E_PID_TAKEN, 0, number,
                                      "by %s", stat->comm)
                        : hwckpt_fail(error, HWCKPT_E_PID_TAKEN, 0, number,
                                      "by a thread of %s (process %d)",
                                      stat->comm, process);
}

static void note_namespace(pid_t tid, const char *holder) {
  report_note("process id %d is held by %s; restoring in a private pid "
              "namespace",
              tid, holder);
}

/* Numbers are handed out in turn: where the next ones are soon to be had again
 * what is made meanwhile, by us too, gets those behind them. It does no harm
 * that others do, and is no loss where it cannot be done. */
static void skip_to(pid_t highest) {
  char text[16] = "";
  int last = open("/proc/sys/kernel/ns_last_pid", O_RDWR | O_CLOEXEC);
  if (last < 0)
    return;
  ssize_t got = pread(last, text, sizeof text - 1, 0);
  pid_t ahead = got > 0 ? highest - (pid_t)strtol(text, NULL, 10) : 0;
  if (ahead > 0 && ahead < NEAR) {
    int length = snprintf(text, sizeof text, "%d", highest);
    (void)!pwrite(last, text, (size_t)length, 0);
  }
  close(last);
}

/* Looks at every thread's number but the first's. */
static int settle_threads(const struct generation *generation,
                          enum id_policy *policy, struct hwckpt_error *error) {
  size_t cursor = 0;
  pid_t highest = generation->process.pid;
  for (Thread thread; generation_next_thread(generation, &cursor, &thread);) {
    struct proc_stat stat;
    pid_t holder;
    if (thread.tid > highest)
      highest = thread.tid;
    if (thread.tid == generation->process.pid)
      continue;
    switch (occupancy_of(thread.tid, &holder, &stat)) {
    case FREE:
      break;
    case TAKEN:
      return taken(thread.tid, holder, &stat, error);
    case OURS:
    case UNREAPED:
      note_namespace(thread.tid, stat.comm);
      *policy = IDS_NAMESPACE;
      return 0;
    }
  }
  skip_to(highest);
  return 0;
}

int process_id_settle(const struct generation *generation,
                      enum id_policy *policy, struct hwckpt_error *error) {
  pid_t pid = generation->process.pid, holder;
  struct proc_stat stat;
  time_namespace_plan(&generation->process);
  if (*policy == IDS_SAME && !may_choose_ids())
    *policy = IDS_NAMESPACE;
  enum occupancy occupancy = FREE;
  if (*policy == IDS_SAME)
    occupancy = occupancy_of(pid, &holder, &stat);
  else if ((holder = proc_of_thread(pid)) && proc_stat(holder, &stat) &&
           !proc_is_ending(holder, &stat))
    occupancy = TAKEN;
  if ((occupancy == TAKEN || occupancy == OURS) && holder == pid &&
      process_id_is_program(pid, &stat, &generation->process))
    return still_running(generation, pid, error);
  if (*policy != IDS_SAME)
    return 0;
  if (occupancy == TAKEN)
    return taken(pid, holder, &stat, error);
  if (occupancy != FREE) {
    char whom[96];
    snprintf(whom, sizeof whom, "%s%s", stat.comm,
             occupancy == OURS ? "" : ", which ended and was not waited for");
    note_namespace(pid, whom);
    *policy = IDS_NAMESPACE;
    return 0;
  }
  return settle_threads(generation, policy, error);
}

static int make_here(pid_t pid, bool keep, const struct process_entry *entry,
                     struct supervised *program, struct hwckpt_error *error) {
  char number[32];
  snprintf(number, sizeof number, "process id %d", pid);
  int failed =
      entry->prepare ? entry->prepare(entry->context, false, error) : 0;
  if (failed)
    return failed;
  int own_time = time_namespace_enter();
  pid_t made = clone_process(0, keep ? pid : 0, NULL);
  if (!made)
    entry->run(entry->context);
  int others = made > 0 && entry->made ? entry->made(entry->context) : 0;
  time_namespace_leave(own_time);
  if (others < 0) {
    kill(made, SIGKILL);
    waitpid(made, NULL, 0);
    return hwckpt_fail(error, HWCKPT_E_TREE_MEMBER, -others, number,
                       "processes beside it");
  }
  if (made == -EEXIST)
    return hwckpt_fail(error, HWCKPT_E_PID_TAKEN, 0, number, "%s", "");
  if (made < 0)
    return hwckpt_fail(
        error, HWCKPT_E_RESTORE_KERNEL, -made, number, "clone3%s",
        made == -EINVAL && keep ? ": it is above kernel.pid_max" : "");
  *program = (struct supervised){.pid = made, .pidfd = -1, .reports = -1};
  return 0;
}

int process_id_make(pid_t pid, enum id_policy policy, const int life[2],
                    const struct process_entry *entry,
                    struct supervised *program, struct hwckpt_error *error) {
  if (policy == IDS_NAMESPACE)
    return pid_namespace_make(pid, life, entry, program, error);
  int failed = make_here(pid, policy == IDS_SAME, entry, program, error);
  /* A number also stays taken while it names a process group or session. */
  char holder[128], whom[160];
  if (failed == -HWCKPT_E_PID_TAKEN && !proc_of_thread(pid) &&
      proc_find_group(pid, holder, sizeof holder)) {
    snprintf(whom, sizeof whom, "the process group or session of %s", holder);
    note_namespace(pid, whom);
    return pid_namespace_make(pid, life, entry, program, error);
  }
  return failed;
}

void process_id_keep_right(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  unsigned word = CAP_CHECKPOINT_RESTORE / 32;
  unsigned bit = 1u << CAP_CHECKPOINT_RESTORE % 32;
  if (syscall(SYS_capget, &header, sets) || !(sets[word].permitted & bit))
    return;
  sets[word].inheritable |= bit;
  if (!syscall(SYS_capset, &header, sets))
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHECKPOINT_RESTORE, 0, 0);
}
