/* pending_signals.c - signals that came and are not handled yet, for the
 * process or one thread, in order and with all that came with them.
 *
 * They are read without being taken: a child that shares the memory traces a
 * thread for a moment (PTRACE_PEEKSIGINFO of ptrace(2)). That costs, and is
 * done only where the kernel says that something is pending.
 *
 * Not part of a checkpoint: our own stop signal, and a signal that ends the
 * program as soon as it goes on, which it would do after each restore too. */
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/process_lock.h"
#include "../support/record_types.h"
#include "info.h"
#include "interval_timers.h"
#include "posix_timers.h"
#include "resource.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define STOP_SIGNAL 33 /* the runtime's own, with SI_QUEUE */
#define SIGNAL_MOST 64
#define INFO_SIZE 128
#define AT_ONCE 16u /* signals read by one call */

struct kernel_action {
  uint64_t handler, flags, restorer, mask;
};

/* struct __ptrace_peeksiginfo_args */
struct peek {
  uint64_t offset;
  uint32_t flags; /* 1: of the process */
  int32_t count;
};

static uint64_t bit(int signal) { return 1ull << (signal - 1); }

/* ---- saving: which are pending ---- */

/* Signals whose default action ends no program. */
static const uint64_t harmless =
    1ull << (SIGCHLD - 1) | 1ull << (SIGURG - 1) | 1ull << (SIGWINCH - 1) |
    1ull << (SIGCONT - 1) | 1ull << (SIGTSTP - 1) | 1ull << (SIGTTIN - 1) |
    1ull << (SIGTTOU - 1) | 1ull << (SIGSTOP - 1);

static bool ends_program(int signal) {
  struct kernel_action action = {0};
  return !(harmless & bit(signal)) &&
         SYS(rt_sigaction, signal, 0, &action, sizeof(action.mask)) == 0 &&
         action.handler == (uint64_t)SIG_DFL;
}

/* Signals that every thread blocks. */
static uint64_t blocked_by_all(const struct resource_sink *sink) {
  uint64_t blocked = ~0ull;
  for (size_t i = 0; i < sink->thread_count; i++)
    blocked &= sink->threads[i].blocked;
  return blocked;
}

struct reader {
  struct resource_sink *sink;
  struct hwckpt_error *error;
  int result;
  int pid; /* the program's, also in the child */
};

static uint64_t of_status(const struct reader *reader, const char *key,
                          unsigned base) {
  uint64_t value = 0;
  info_number(reader->sink->status, key, base, &value);
  return value;
}

static uint64_t pending_of(const struct reader *reader, size_t thread) {
  char path[64];
  struct info info;
  uint64_t pending = 0;
  if (thread == 0)
    return of_status(reader, "\nSigPnd:", 16);
  hwckpt_format(path, sizeof(path), "/proc/%d/task/%d/status", reader->pid,
                (int)reader->sink->threads[thread].tid);
  if (info_open_path(&info, path) < 0)
    return 0;
  for (const char *line; (line = info_line(&info));)
    if (info_number(line, "SigPnd:", 16, &pending))
      break;
  info_close(&info);
  return pending;
}

static uint64_t pending_of_process(const struct reader *reader) {
  return of_status(reader, "\nShdPnd:", 16);
}

/* SigQ counts what is queued for anybody of this user. */
static bool anything_pending(const struct reader *reader) {
  if (!of_status(reader, "\nSigQ:", 10))
    return false;
  bool pending = pending_of_process(reader) != 0;
  for (size_t i = 0; !pending && i < reader->sink->thread_count; i++)
    pending = (pending_of(reader, i) & ~bit(STOP_SIGNAL)) != 0;
  return pending;
}

/* ---- saving: what came with them ---- */

static int put(struct reader *reader, int tid, uint64_t blocked,
               const unsigned char *bytes) {
  PendingSignal message = PendingSignal_init_zero;
  siginfo_t info;
  memcpy(&info, bytes, sizeof(info));
  int signal = info.si_signo;
  if (!tid)
    interval_timer_signal_seen(&info);
  posix_timer_signal_seen(&info);
  if ((signal == STOP_SIGNAL && info.si_code == SI_QUEUE) ||
      (!(blocked & bit(signal)) && ends_program(signal)))
    return 0;
  message.tid = tid;
  message.info.size = INFO_SIZE;
  memcpy(message.info.bytes, bytes, INFO_SIZE);
  return resource_put(reader->sink, RECORD_PENDING_SIGNAL, PendingSignal_fields,
                      &message, reader->error);
}

/* All in the queue of a thread that is traced and stands; its own, or that of
 * the process. */
static int read_queue(struct reader *reader, int tid, bool shared,
                      uint64_t blocked) {
  unsigned char infos[AT_ONCE][INFO_SIZE];
  struct peek peek = {0, shared, AT_ONCE};
  int result = 0;
  long count;
  while (!result &&
         (count = SYS(ptrace, PTRACE_PEEKSIGINFO, tid, &peek, infos)) > 0) {
    for (long i = 0; i < count && !result; i++)
      result = put(reader, shared ? 0 : tid, blocked, infos[i]);
    peek.offset += (uint64_t)count;
  }
  return result;
}

static int untraceable(struct reader *reader, int tid, long result) {
  struct resource_sink *sink = reader->sink;
  return resource_unsupported(
      sink, reader->error, "pending signals",
      "thread %d cannot be traced to read them (errno %d)", tid, (int)-result);
}

static int read_thread(struct reader *reader, const struct thread_fact *thread,
                       bool own, bool shared) {
  int status, tid = thread->tid;
  long result = SYS(ptrace, PTRACE_SEIZE, tid, 0, 0);
  if (result < 0)
    return untraceable(reader, tid, result);
  result = SYS(ptrace, PTRACE_INTERRUPT, tid, 0, 0);
  while (result >= 0 &&
         (result = SYS(wait4, tid, &status, __WALL, 0)) == -EINTR)
    ;
  int failed = result < 0 ? untraceable(reader, tid, result) : 0;
  if (!failed && shared)
    failed = read_queue(reader, tid, true, blocked_by_all(reader->sink));
  if (!failed && own)
    failed = read_queue(reader, tid, false, thread->blocked);
  SYS(ptrace, PTRACE_DETACH, tid, 0, 0);
  return failed;
}

/* In the child. */
static void read_all(void *argument) {
  struct reader *reader = argument;
  const struct resource_sink *sink = reader->sink;
  for (size_t i = 0; i < sink->thread_count && !reader->result; i++) {
    bool own = pending_of(reader, i) != 0;
    bool shared = i == 0 && pending_of_process(reader);
    if (own || shared)
      reader->result = read_thread(reader, &sink->threads[i], own, shared);
  }
}

static long read_in_child(struct reader *reader) {
  char *stack = (char *)reader->sink->scratch + RESOURCE_SCRATCH_FACTS;
  long child = arch_spawn(CLONE_VM | CLONE_VFORK, stack, 0, read_all, reader);
  long result = child;
  while (child > 0 && (result = SYS(wait4, child, 0, __WALL, 0)) == -EINTR)
    ;
  return result;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  struct reader reader = {sink, error, 0, (int)SYS(getpid)};
  if (!anything_pending(&reader))
    return 0;
  long result = read_in_child(&reader);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, "pending signals",
                       "a process to read them");
  return reader.result;
}

/* ---- restoring ----
 *
 * What looks as if the kernel, kill() or tgkill() had sent it a thread may send
 * to itself only (rt_sigqueueinfo(2)). So each takes its own; the main thread,
 * whose id is the process's, those of the process too. */

/* One thread after the other works with it. */
struct queuing {
  struct resource_source *source;
  struct hwckpt_error *error;
  int result;
  _Atomic int lock;
  bool others;          /* have some */
  uint64_t own, shared; /* pending before any was queued: not queued again */
  struct info info;
};

/* In a rollback they may be pending still; and what came since stays pending:
 * the world has sent it. */
static void look_at_pending(struct queuing *queuing, int self) {
  struct info *info = &queuing->info;
  char path[64];
  queuing->own = queuing->shared = 0;
  if (!queuing->source->rolls_back)
    return;
  hwckpt_format(path, sizeof(path), "/proc/self/task/%d/status", self);
  if (info_open_path(info, path) < 0)
    return;
  for (const char *line; (line = info_line(info));) {
    info_number(line, "SigPnd:", 16, &queuing->own);
    info_number(line, "ShdPnd:", 16, &queuing->shared);
  }
  info_close(info);
}

static int queue(struct queuing *queuing, const struct resource_record *record,
                 int self) {
  struct hwckpt_error *error = queuing->error;
  PendingSignal message;
  siginfo_t info;
  int failed = resource_get(record, PendingSignal_fields, &message, error);
  if (failed)
    return failed;
  if (message.info.size != INFO_SIZE)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "pending signal", "%u bytes",
                       (unsigned)message.info.size);
  memcpy(&info, message.info.bytes, INFO_SIZE);
  if (info.si_signo < 1 || info.si_signo > SIGNAL_MOST)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "pending signal", "number %d",
                       info.si_signo);
  if (posix_timer_signals_again(queuing->source, &info))
    return 0;
  int pid = (int)SYS(getpid);
  int tid = message.tid ? resource_tid(queuing->source, message.tid, error) : 0;
  if (tid < 0)
    return tid;
  queuing->others |= tid && tid != pid;
  uint64_t pending = tid ? queuing->own : queuing->shared;
  if ((tid ? tid : pid) != self || pending & bit(info.si_signo))
    return 0;
  long result =
      tid ? SYS(rt_tgsigqueueinfo, pid, tid, info.si_signo, message.info.bytes)
          : SYS(rt_sigqueueinfo, pid, info.si_signo, message.info.bytes);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                       "pending signal", "%d of thread %d", info.si_signo,
                       (int)message.tid);
  return 0;
}

static void queue_own(void *argument) {
  struct queuing *queuing = argument;
  const struct resource_source *source = queuing->source;
  int self = (int)SYS(gettid);
  process_lock(&queuing->lock);
  look_at_pending(queuing, self);
  for (size_t at = (size_t)-1;
       !queuing->result && resource_next(source, RECORD_PENDING_SIGNAL, &at);)
    queuing->result = queue(queuing, &source->records[at], self);
  process_unlock(&queuing->lock);
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  struct queuing queuing = {.source = source, .error = error};
  queue_own(&queuing);
  if (!queuing.result && queuing.others)
    source->on_others(source, queue_own, &queuing);
  return queuing.result;
}

const struct resource_kind hwckpt_resource_pending_signals = {
    .name = "pending signals",
    .save = save,
    .finish = finish,
};
