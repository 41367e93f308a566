/* quiesce.c - see quiesce.h.
 *
 * The stop signal is the second of the two real-time signals that libc keeps
 * for itself (33): libc lets no program block it or handle it. libc uses it to
 * change user ids in all threads; what it sends is recognised (SI_TKILL) and
 * passed on to its handler, what we send carries SI_QUEUE and our own address.
 */
#include "quiesce.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/posix_notice.h"
#include "../resources/resource.h"
#include "calls.h"
#include "handlers.h"
#include "interrupted.h"
#include "live.h"
#include "park.h"
#include "private.h"
#include "task.h"
#include "unhandled.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define RUNTIME_THREADS 16
#define RUNTIME_STACK ((size_t)512 << 10)
/* Behind the stack. A debugger reads of each thread what libc has at the thread
 * pointer (libthread_db: struct pthread, 2,304 bytes in glibc 2.36), and does
 * without threads where that is not there. */
#define RUNTIME_TLS 8192
#define RUNTIME_SLICE 100000 /* ns; the least the kernel takes */
#define MILLISECOND 1000000ull
#define GRACE_NS (MILLISECOND / 5) /* without another thread at a site */
#define GRACE_MAX_NS (3 * MILLISECOND)
#define STEP_MIN_NS MILLISECOND /* between looks at who is missing */
#define STEP_MAX_NS (20 * MILLISECOND)
#define FORKING_NS (1000 * MILLISECOND)  /* for threads in vfork(), alone */
#define FORKED_NS (20 * MILLISECOND)     /* for them while the others stand */
#define TIMEOUT_NS (10000 * MILLISECOND) /* then the stop is given up */

#define EXECUTING_MS 2000 /* for another thread that executes a program */

/* So many threads a processor that want to run are a crowd. */
#define CROWD 8u
/* By which the runtime's threads go first in a crowd, and while the program
 * stands still: as far as nice goes. */
#define MOST_STEPS 20u

static LIVE struct {
  struct parked *threads; /* what quiesce_stop() returns; private memory */
  unsigned count;
  void (*on_resume)(void);
  struct quiesce_times times;
  _Atomic int runtime_tids[RUNTIME_THREADS];
  long raised[RUNTIME_THREADS];     /* steps of nice that each goes first by */
  unsigned hurry;                   /* that it is to, whatever others do, */
  bool hurry_in_crowds;             /* and in a crowd */
  bool crowd;                       /* at the last look at all threads */
  bool stopping;                    /* threads stand, or are to */
  struct sigaction_raw libc_action; /* what libc had for the stop signal */
  bool (*other)(const siginfo_t *info);
} quiesce;

/* ---- small tools ---- */

uint64_t quiesce_now_ns(void) {
  struct timespec now;
  SYS(clock_gettime, CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void futex_wait(_Atomic uint32_t *word, uint32_t value,
                       uint64_t timeout_ns) {
  struct timespec timeout = {(time_t)(timeout_ns / 1000000000u),
                             (long)(timeout_ns % 1000000000u)};
  SYS(futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ns ? &timeout : 0, 0, 0);
}

static void futex_wake(_Atomic uint32_t *word) {
  SYS(futex, word, FUTEX_WAKE_PRIVATE, 0x7fffffff, 0, 0, 0);
}

/* ---- the stop signal ---- */

static void on_stop_signal(int number, siginfo_t *info, void *context) {
  if (info->si_code == SI_QUEUE && info->si_value.sival_ptr == &quiesce) {
    /* One that comes too late has interrupted a system call all the same. */
    enum interrupted how = interrupted_settle(context, info->si_pid);
    if (how == INTERRUPTED_NOTHING)
      arch_context_restart_call(context);
    arch_context_store_result(context);
    park_at(PARK_SIGNAL, context, info->si_pid);
    interrupted_leave(how, context);
    if (how != INTERRUPTED_NOTHING)
      calls_tell_again(context);
    return;
  }
  if (info->si_code == SI_QUEUE && quiesce.other && quiesce.other(info)) {
    interrupted_leave(interrupted_settle(context, (int)SYS(gettid)), context);
    return;
  }
  /* A program that libc's posix_spawn() started has it ignored. */
  if (quiesce.libc_action.handler > (uint64_t)SIG_IGN)
    ((void (*)(int, siginfo_t *, void *))quiesce.libc_action.handler)(
        number, info, context);
}

void quiesce_pass(bool (*other)(const siginfo_t *info)) {
  quiesce.other = other;
}

void quiesce_install(void) {
  struct sigaction_raw now;
  signal_get_action(STOP_SIGNAL, &now);
  if (now.handler == (uint64_t)on_stop_signal)
    return;
  quiesce.libc_action = now;
  signal_set_handler(STOP_SIGNAL, on_stop_signal);
}

__attribute__((visibility("default"))) void __hwckpt_thread_created(void) {
  if (quiesce.other) /* it was installed before */
    quiesce_install();
}

static bool send_stop(int pid, int tid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = STOP_SIGNAL;
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = &quiesce;
  info.si_pid = tid; /* what the handler need not ask for */
  return SYS(rt_tgsigqueueinfo, pid, tid, STOP_SIGNAL, &info) == 0;
}

/* ---- the runtime's own threads ---- */

struct runtime_thread {
  void (*function)(void *);
  void *argument;
  char name[16];
  int kept; /* descriptor that it keeps, above 2; -1: none */
  /* Keeps the descriptors, root and working directory that it shares with who
   * started it. Others have a root of their own, as the program may get one
   * where no /proc is, and are in it: they hold no other file system. */
  bool companion;
  _Atomic uint32_t
      go; /* the starting thread has its signal mask back (futex) */
  _Atomic uint32_t alone; /* nothing of the program's is held open (futex) */
};

/* The program stands still while this thread waits for a processor. With a
 * short slice it gets one sooner, and not more of it (sched_setattr(2), Linux
 * 6.12; before, the slice is ignored). */
static void ask_for_short_slices(void) {
  struct sched_attr attributes = {.size = sizeof attributes};
  if (SYS(sched_getattr, 0, &attributes, sizeof attributes, 0) < 0 ||
      attributes.sched_policy != SCHED_NORMAL)
    return;
  attributes.sched_runtime = RUNTIME_SLICE;
  SYS(sched_setattr, 0, &attributes, 0);
}

static void close_all_but(void *context) {
  const int *kept = context;
  if (*kept < 0) {
    SYS(close_range, 0, ~0u, 0);
  } else {
    SYS(close_range, 0, *kept - 1, 0);
    SYS(close_range, *kept + 1, ~0u, 0);
  }
}

/* The copy of the program's table of descriptors is emptied, so that the
 * program's files close when the program closes them. */
static void empty_descriptors(int kept) {
  posix_notice_close(close_all_but, &kept);
  /* 0 to 2 stay taken: 2 is lent to messages (program_stderr.h). */
  for (int i = 0; i < 3; i++)
    SYS(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
}

static void runtime_thread_main(void *argument) {
  struct runtime_thread *start = argument;
  if (!start->companion) {
    empty_descriptors(start->kept);
    SYS(chdir, "/");
  }
  atomic_store(&start->alone, 1);
  futex_wake(&start->alone);
  while (!atomic_load(&start->go))
    futex_wait(&start->go, 0, 0);
  SYS(prctl, PR_SET_NAME, start->name, 0, 0, 0);
  ask_for_short_slices();
  start->function(start->argument);
}

/* While another thread executes a program the kernel makes no thread that
 * shares its working directory (EAGAIN). In a moment that call has failed, or
 * has ended this thread as well. Where there are too many threads the kernel
 * says the same, and goes on to say it: that is waited for once. */
static long spawn_between_programs(uint64_t flags, void *stack_top, void *tls,
                                   struct runtime_thread *start) {
  const struct timespec moment = {0, MILLISECOND};
  static LIVE _Atomic bool in_vain;
  long tid = arch_spawn(flags, stack_top, tls, runtime_thread_main, start);
  if (tid == -EAGAIN && (atomic_load(&in_vain) || task_count() == 1))
    return tid;
  for (unsigned i = 0; tid == -EAGAIN && i < EXECUTING_MS; i++) {
    SYS(nanosleep, &moment, 0);
    tid = arch_spawn(flags, stack_top, tls, runtime_thread_main, start);
  }
  atomic_store(&in_vain, tid == -EAGAIN);
  return tid;
}

/* A thread that has a deadline may make none that would inherit it (EAGAIN),
 * but those that do not. */
static long spawn_without_deadline(uint64_t flags, void *stack_top, void *tls,
                                   struct runtime_thread *start) {
  struct sched_attr had = {.size = sizeof had};
  bool change = SYS(sched_getattr, 0, &had, sizeof had, 0) == 0 &&
                had.sched_policy == SCHED_DEADLINE &&
                !(had.sched_flags & SCHED_FLAG_RESET_ON_FORK);
  struct sched_attr lent = had;
  lent.sched_flags |= SCHED_FLAG_RESET_ON_FORK;
  if (change)
    SYS(sched_setattr, 0, &lent, 0);
  long tid = spawn_between_programs(flags, stack_top, tls, start);
  if (change)
    SYS(sched_setattr, 0, &had, 0);
  return tid;
}

/* What the calling thread goes first by, those that it starts do too. */
static long raised_here(void) {
  int tid = (int)SYS(gettid);
  for (unsigned i = 0; i < RUNTIME_THREADS; i++)
    if (atomic_load(&quiesce.runtime_tids[i]) == tid)
      return quiesce.raised[i];
  return 0;
}

static int spawn(void (*function)(void *), void *argument, const char *name,
                 int kept, bool companion, struct hwckpt_error *error) {
  unsigned slot = 0;
  while (slot < RUNTIME_THREADS && atomic_load(&quiesce.runtime_tids[slot]))
    slot++;
  char *block = park_open() && slot < RUNTIME_THREADS
                    ? private_map(RUNTIME_STACK + RUNTIME_TLS)
                    : 0;
  if (!block)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, name,
                       "stack of the runtime's thread");
  struct runtime_thread *start = (struct runtime_thread *)block;
  start->function = function;
  start->argument = argument;
  start->kept = kept;
  start->companion = companion;
  for (unsigned i = 0; i < 15 && name[i]; i++)
    start->name[i] = name[i];
  uint64_t all = ~0ull, before;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  long tid = spawn_without_deadline(
      CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
          (companion ? CLONE_FILES | CLONE_FS : 0),
      block + RUNTIME_STACK, arch_tls_fill(block + RUNTIME_STACK), start);
  if (tid > 0) {
    quiesce.raised[slot] = raised_here();
    atomic_store(&quiesce.runtime_tids[slot], (int)tid);
  }
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  atomic_store(&start->go, 1);
  futex_wake(&start->go);
  /* A pipe that the program closes at once is closed then. */
  while (tid > 0 && !companion && !atomic_load(&start->alone))
    futex_wait(&start->alone, 0, 0);
  if (tid < 0) {
    private_unmap(block, RUNTIME_STACK + RUNTIME_TLS);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-tid, name,
                       "thread of the runtime%s",
                       tid == -EAGAIN ? ": no more are allowed (RLIMIT_NPROC,"
                                        " pids.max)"
                                      : "");
  }
  return 0;
}

int quiesce_spawn(void (*function)(void *), void *argument, const char *name,
                  int kept, struct hwckpt_error *error) {
  return spawn(function, argument, name, kept, false, error);
}

int quiesce_spawn_companion(void (*function)(void *), void *argument,
                            const char *name, struct hwckpt_error *error) {
  return spawn(function, argument, name, -1, true, error);
}

bool quiesce_is_runtime_thread(int tid) {
  for (unsigned i = 0; i < RUNTIME_THREADS; i++)
    if (atomic_load(&quiesce.runtime_tids[i]) == tid)
      return true;
  return false;
}

static void see_other(int tid, void *context) {
  int *found = context;
  if (!*found && !quiesce_is_runtime_thread(tid) && !task_never_stops(tid))
    *found = tid;
}

int quiesce_program_thread(void) {
  int pid = (int)SYS(getpid), other = 0;
  if (task_never_stops(pid))
    task_each(see_other, &other);
  return other ? other : pid;
}

/* Of nice 20 to -20 the kernel says 1 to 40. */
static void go_first(int tid, long steps, long *raised) {
  long priority = SYS(getpriority, PRIO_PROCESS, tid);
  long usual = priority - *raised, wanted = usual + steps;
  if (wanted > 40)
    wanted = 40;
  if (priority > 0 && wanted != priority &&
      SYS(setpriority, PRIO_PROCESS, tid, 20 - wanted) == 0)
    *raised = wanted - usual;
}

/* What the runtime's threads are to go first by. */
static unsigned steps_wanted(bool stopping) {
  bool most = stopping || (quiesce.hurry_in_crowds && quiesce.crowd);
  return most && quiesce.hurry < MOST_STEPS ? MOST_STEPS : quiesce.hurry;
}

static void hurry(void) {
  unsigned steps = steps_wanted(quiesce.stopping);
  for (unsigned i = 0; i < RUNTIME_THREADS; i++) {
    int tid = atomic_load(&quiesce.runtime_tids[i]);
    if (tid && quiesce.raised[i] != steps && !resources_forbid_hurry())
      go_first(tid, steps, &quiesce.raised[i]);
  }
}

void quiesce_calm(int tid) {
  unsigned steps = steps_wanted(false);
  long raised = raised_here();
  if (raised != steps)
    go_first(tid, steps, &raised);
}

void quiesce_hurry(unsigned steps) {
  quiesce.hurry = steps;
  hurry();
}

void quiesce_hurry_in_crowds(bool on) {
  quiesce.hurry_in_crowds = on;
  hurry();
}

/* The clock of a thread's processor time (clock_getcpuclockid(3)). */
#define THREAD_CLOCK(tid) ((int)(~(unsigned)(tid) << 3 | 6))

uint64_t quiesce_runtime_cpu_ns(void) {
  uint64_t used = 0;
  for (unsigned i = 0; i < RUNTIME_THREADS; i++) {
    int tid = atomic_load(&quiesce.runtime_tids[i]);
    struct timespec now = {0, 0};
    if (tid && SYS(clock_gettime, THREAD_CLOCK(tid), &now) == 0)
      used += (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  }
  return used;
}

static unsigned runtime_threads(void) {
  unsigned count = 0;
  for (unsigned i = 0; i < RUNTIME_THREADS; i++)
    count += atomic_load(&quiesce.runtime_tids[i]) != 0;
  return count;
}

bool __hwckpt_is_alone(void) { return task_count() == runtime_threads() + 1; }

/* ---- stopping, on the checkpoint thread ---- */

struct stop {
  int pid;
  uint64_t begin;
  bool signal_all; /* the grace for sites is over */
  unsigned never; /* threads that never stop: dead ones that are still listed */
  bool sure;      /* of never: it does not change */
  unsigned missing, forking; /* in the last look */
  unsigned running;          /* when they were looked at while they ran */
  int last_missing;
};

static uint64_t since(uint64_t begin) { return quiesce_now_ns() - begin; }

/* Signals the thread unless it has been, or may still reach a site by itself.
 * Real-time signals queue and are not lost: one is enough. */
static void chase(struct interruption *seen, void *context) {
  const struct stop *stop = context;
  if (seen->signalled || park_stands(seen->tid) ||
      !(seen->blocked || stop->signal_all))
    return;
  seen->signalled = send_stop(stop->pid, seen->tid);
  quiesce.times.signalled += seen->signalled;
}

static void see_thread(int tid, void *context) {
  struct stop *stop = context;
  if (quiesce_is_runtime_thread(tid) || park_stands(tid))
    return;
  if (task_never_stops(tid)) {
    stop->never++;
    stop->sure &= tid == stop->pid;
    return;
  }
  stop->missing++;
  stop->last_missing = tid;
  struct interruption *seen = interrupted_look(tid);
  if (!seen)
    return;
  stop->forking += seen->forking;
  chase(seen, stop);
}

/* Looks who is missing. */
static void look(struct stop *stop) {
  stop->never = stop->missing = stop->forking = 0;
  stop->sure = true;
  task_each(see_thread, stop);
}

/* Who stands is a thread, and a thread that does not stand is one too many:
 * when the numbers are the same there is none. So nobody who was born meanwhile
 * is left out. */
static bool all_stand(struct stop *stop, unsigned *wanted) {
  unsigned standing = park_standing();
  *wanted = task_count() - runtime_threads() - stop->never;
  if (standing != *wanted)
    return false;
  if (stop->sure)
    return true;
  look(stop);
  return stop->missing == 0;
}

static int stop_failed(const struct stop *stop, struct hwckpt_error *error) {
  char object[32];
  hwckpt_format(object, sizeof object, "thread %d", stop->last_missing);
  return hwckpt_fail(error, HWCKPT_E_NOT_STOPPED, 0, object,
                     "%u of %u threads stopped within %llu s", park_standing(),
                     park_standing() + stop->missing, TIMEOUT_NS / 1000000000u);
}

/* Running threads come to a site by themselves, if they do. */
static void wait_at_sites(struct stop *stop) {
  unsigned wanted, standing;
  do {
    if (all_stand(stop, &wanted))
      return;
    standing = park_standing();
    park_await(wanted, GRACE_NS);
  } while (park_standing() > standing && since(stop->begin) < GRACE_MAX_NS);
}

/* 0, or -EAGAIN: all but threads in vfork() stand, or -ETIME. */
static int wait_for_all(struct stop *stop) {
  uint64_t step = STEP_MIN_NS;
  unsigned wanted;
  while (!all_stand(stop, &wanted)) {
    unsigned standing = park_standing();
    park_await(wanted, step);
    uint64_t waited = since(stop->begin);
    if (park_standing() < wanted && park_standing() > standing)
      continue; /* they come */
    look(stop);
    if (waited > TIMEOUT_NS)
      return -ETIME;
    if (stop->missing && stop->missing == stop->forking && waited > FORKED_NS)
      return -EAGAIN;
    step = step * 2 < STEP_MAX_NS ? step * 2 : STEP_MAX_NS;
  }
  return 0;
}

static void see_forking(int tid, void *context) {
  struct stop *stop = context;
  if (quiesce_is_runtime_thread(tid) || park_stands(tid))
    return;
  struct interruption *seen = interrupted_look(tid);
  if (!seen || !seen->forking)
    return;
  stop->forking++;
  chase(seen, stop);
}

/* A thread in vfork() takes no signal until its child has executed a program,
 * and the child may need another thread to get there. So these are stopped
 * first, while all others run. */
static void stop_forking(struct stop *stop) {
  struct timespec moment = {.tv_nsec = (long)MILLISECOND / 2};
  uint64_t begin = quiesce_now_ns();
  while (stop->forking && since(begin) < FORKING_NS) {
    stop->forking = 0;
    task_each(see_forking, stop);
    if (stop->forking)
      SYS(nanosleep, &moment, 0);
  }
}

static int attempt(struct stop *stop, const struct quiesce_hooks *hooks) {
  struct quiesce_times *times = &quiesce.times;
  memset(times, 0, sizeof *times);
  stop->signal_all = false;
  park_begin();
  stop_forking(stop);
  stop->begin = times->begin_ns = quiesce_now_ns();
  /* In a crowd nobody comes to a site before it has had a processor. */
  stop->signal_all = !hooks || quiesce.crowd;
  if (hooks)
    hooks->arm();
  times->arm_ns = since(stop->begin);
  interrupted_each(chase, stop);
  if (hooks) {
    wait_at_sites(stop);
    stop->signal_all = true;
    unsigned wanted;
    if (!all_stand(stop, &wanted))
      interrupted_each(chase, stop);
  }
  times->signal_ns = since(stop->begin) - times->arm_ns;
  int result = wait_for_all(stop);
  if (result == 0 && !unhandled_still_ignored())
    result = -EAGAIN;
  times->arrive_ns = since(stop->begin) - times->arm_ns - times->signal_ns;
  if (hooks)
    hooks->disarm();
  return result;
}

static void survey(int tid, void *context) {
  struct stop *stop = context;
  if (quiesce_is_runtime_thread(tid) || park_stands(tid))
    return;
  const struct interruption *seen = interrupted_look(tid);
  stop->forking += seen && seen->forking;
  stop->running += seen && !seen->blocked;
}

/* Looks what the threads do, while they do it. */
static void prepare(struct stop *stop, const struct quiesce_hooks *hooks) {
  park_drain();
  interrupted_survey();
  stop->forking = stop->running = 0;
  task_each(survey, stop);
  interrupted_surveyed();
  quiesce.crowd = stop->running > CROWD * park_processors();
  if (hooks && hooks->prepare)
    hooks->prepare();
  quiesce.stopping = true;
  hurry();
}

static void main_thread_first(unsigned count, int pid) {
  for (unsigned i = 1; i < count; i++)
    if (quiesce.threads[i].tid == pid) {
      struct parked swap = quiesce.threads[0];
      quiesce.threads[0] = quiesce.threads[i];
      quiesce.threads[i] = swap;
    }
}

static bool make_room(void) {
  if (!quiesce.threads)
    quiesce.threads =
        private_map(QUIESCE_THREADS_MAX * sizeof *quiesce.threads);
  return quiesce.threads && park_open() && interrupted_open();
}

int quiesce_stop(const struct quiesce_hooks *hooks, struct parked **threads,
                 unsigned *count, struct hwckpt_error *error) {
  struct stop stop = {.pid = (int)SYS(getpid), .sure = true};
  if (!make_room())
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "threads", "");
  quiesce_install();
  uint64_t begin = quiesce_now_ns();
  int result;
  for (;;) {
    prepare(&stop, hooks);
    result = attempt(&stop, hooks);
    if (result == 0)
      break;
    quiesce_resume();
    if (result != -EAGAIN || since(begin) > TIMEOUT_NS)
      return stop_failed(&stop, error);
  }
  quiesce.count = park_collect(quiesce.threads);
  main_thread_first(quiesce.count, stop.pid);
  quiesce.on_resume = hooks ? hooks->resume : 0;
  *threads = quiesce.threads;
  *count = quiesce.count;
  return 0;
}

const struct quiesce_times *quiesce_times(void) { return &quiesce.times; }

bool quiesce_blocks(int number) {
  for (unsigned i = 0; i < quiesce.count; i++)
    if (arch_context_sigmask(quiesce.threads[i].context) >> (number - 1) & 1)
      return true;
  return false;
}

uint64_t quiesce_resume(void) {
  if (quiesce.on_resume)
    quiesce.on_resume();
  quiesce.on_resume = 0;
  park_leave_none_open();
  uint64_t now = quiesce_now_ns();
  park_end();
  quiesce.stopping = false;
  hurry();
  return now;
}

void quiesce_send(const struct quiesce_errand *errand) {
  park_send(errand, quiesce.threads, quiesce.count);
}

void quiesce_recall(void) { park_recall(quiesce.count); }

void quiesce_replace(const struct parked *threads, unsigned count) {
  park_abandon(quiesce.threads, quiesce.count);
  memcpy(quiesce.threads, threads, count * sizeof *threads);
  quiesce.count = count;
}

void quiesce_fail_loads(int result) { park_finish_loads(result); }

void quiesce_finish_saves(int result) { park_finish_saves(0, result); }

void quiesce_fail_saves(uint64_t before_ns, int result) {
  park_finish_saves(before_ns, result);
}

void quiesce_forget(void) {
  struct sigaction_raw libc_action = quiesce.libc_action;
  memset(&quiesce, 0, sizeof quiesce);
  quiesce.libc_action = libc_action;
  arch_read_tls_directly(false);
  park_forget();
  interrupted_forget();
}
