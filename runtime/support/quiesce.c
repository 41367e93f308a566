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
#include "handlers.h"
#include "interrupted.h"
#include "private.h"
#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define STOP_SIGNAL 33
#define SLOTS QUIESCE_THREADS_MAX /* a power of two */
#define SLOT_PROBES 256u          /* a thread's slot is this near to its hash */
#define RUNTIME_THREADS 16
#define RUNTIME_STACK ((size_t)512 << 10)
#define GRACE_NS 500000ull        /* for running threads to reach a site */
#define RESEND_NS 20000000ull     /* between two looks at who is missing */
#define TIMEOUT_NS 10000000000ull /* then the stop is given up */

struct slot {
  _Atomic int tid; /* 0: free */
  _Atomic uint32_t state;
  uint32_t epoch;        /* of the stop it parked in */
  _Atomic uint32_t done; /* a save: result is there (futex) */
  int result;
  struct parked parked;
};
enum { SLOT_FREE, SLOT_PARKED, SLOT_CAPTURED };

struct tables {
  struct slot slots[SLOTS];
  struct parked threads[SLOTS];     /* what quiesce_stop() returns */
  struct interruption calls[SLOTS]; /* per entry of threads */
};

static struct {
  struct tables *_Atomic tables; /* private memory */
  _Atomic uint32_t stopping;
  _Atomic uint32_t epoch;    /* futex: parked threads wait for its change */
  _Atomic uint32_t arrivals; /* futex: the checkpoint thread waits for it */
  unsigned count;            /* threads that are stopped */
  void (*on_resume)(void);
  _Atomic int runtime_tids[RUNTIME_THREADS];
  struct sigaction_raw libc_action; /* what libc had for the stop signal */
} quiesce;

/* ---- small tools ---- */

/* Parked from before any stop, until the checkpoint is through. */
static bool waits_for_result(const struct parked *parked) {
  return parked->reason == PARK_SAVE || parked->reason == PARK_WAIT;
}

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

/* Threads may come here at once: one table is everybody's. */
static bool make_tables(void) {
  if (atomic_load(&quiesce.tables))
    return true;
  struct tables *tables = private_map(sizeof *tables), *none = 0;
  if (tables && !atomic_compare_exchange_strong(&quiesce.tables, &none, tables))
    private_unmap(tables, sizeof *tables);
  return atomic_load(&quiesce.tables) != 0;
}

/* ---- parking, on the program's threads ---- */

static struct slot *claim_slot(int tid) {
  for (unsigned i = 0; i < SLOT_PROBES; i++) {
    struct slot *slot =
        &quiesce.tables->slots[((unsigned)tid + i) & (SLOTS - 1)];
    int free_slot = 0;
    if (atomic_compare_exchange_strong(&slot->tid, &free_slot, tid))
      return slot;
  }
  return 0;
}

static struct slot *find_slot(int tid) {
  for (unsigned i = 0; i < SLOT_PROBES; i++) {
    struct slot *slot =
        &quiesce.tables->slots[((unsigned)tid + i) & (SLOTS - 1)];
    if (atomic_load(&slot->tid) == tid)
      return slot;
  }
  return 0;
}

static void leave_slot(struct slot *slot) {
  atomic_store(&slot->state, SLOT_FREE);
  atomic_store(&slot->tid, 0);
}

/* Fills the slot with what only the thread itself can tell, and shows it. */
static struct slot *enter_slot(enum park_reason reason, ucontext_t *context,
                               uint32_t epoch) {
  struct slot *slot = claim_slot((int)SYS(gettid));
  if (!slot)
    return 0;
  struct parked *parked = &slot->parked;
  parked->tid = slot->tid;
  parked->reason = reason;
  parked->context = context;
  arch_get_tls(&parked->fs_base, &parked->gs_base);
  parked->clear_tid = 0;
  SYS(prctl, PR_GET_TID_ADDRESS, &parked->clear_tid, 0, 0, 0);
  SYS(prctl, PR_GET_NAME, parked->name, 0, 0, 0);
  SYS(prctl, PR_GET_PDEATHSIG, &parked->parent_death_signal, 0, 0, 0);
  SYS(get_robust_list, 0, &parked->robust_list, &parked->robust_length);
  slot->epoch = epoch;
  atomic_store(&slot->done, 0);
  atomic_store(&slot->state, SLOT_PARKED);
  atomic_fetch_add(&quiesce.arrivals, 1);
  futex_wake(&quiesce.arrivals);
  return slot;
}

bool quiesce_park(enum park_reason reason, ucontext_t *context) {
  uint32_t epoch;
  do { /* of the stop that is under way, not of one before */
    epoch = atomic_load(&quiesce.epoch);
    if (!atomic_load(&quiesce.stopping))
      return false;
  } while (epoch != atomic_load(&quiesce.epoch));
  struct slot *slot = enter_slot(reason, context, epoch);
  if (!slot)
    return false;
  while (atomic_load(&quiesce.epoch) == epoch)
    futex_wait(&quiesce.epoch, epoch, 0);
  leave_slot(slot);
  interrupted_leave(context);
  return true;
}

int quiesce_park_until_saved(enum park_reason reason, ucontext_t *context,
                             void (*ask)(void)) {
  if (!make_tables())
    return -ENOMEM;
  struct slot *slot = enter_slot(reason, context, 0);
  if (!slot)
    return -EAGAIN;
  ask();
  while (!atomic_load(&slot->done))
    futex_wait(&slot->done, 0, 0);
  int result = slot->result;
  leave_slot(slot);
  return result;
}

/* ---- the stop signal ---- */

static void on_stop_signal(int number, siginfo_t *info, void *context) {
  if (info->si_code == SI_QUEUE && info->si_value.sival_ptr == &quiesce) {
    /* One that comes too late has interrupted a system call all the same. */
    if (!quiesce_park(PARK_SIGNAL, context))
      interrupted_settle_own(context);
    return;
  }
  void (*handler)(int, siginfo_t *, void *) =
      (void (*)(int, siginfo_t *, void *))quiesce.libc_action.handler;
  if (handler)
    handler(number, info, context);
}

void quiesce_install(void) {
  struct sigaction_raw now;
  signal_get_action(STOP_SIGNAL, &now);
  if (now.handler == (uint64_t)on_stop_signal)
    return;
  quiesce.libc_action = now;
  signal_set_handler(STOP_SIGNAL, on_stop_signal);
}

static void send_stop(int pid, int tid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = STOP_SIGNAL;
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = &quiesce;
  SYS(rt_tgsigqueueinfo, pid, tid, STOP_SIGNAL, &info);
}

/* ---- the runtime's own threads ---- */

struct runtime_thread {
  void (*function)(void *);
  void *argument;
  char name[16];
  bool companion; /* keeps the descriptors it shares with who started it */
  _Atomic uint32_t
      go; /* the starting thread has its signal mask back (futex) */
};

/* The copy of the program's table of descriptors is emptied, so that the
 * program's files close when the program closes them. */
static void empty_descriptors(void) {
  SYS(close_range, 0, ~0u, 0);
  /* 0 to 2 stay taken: 2 is lent to messages (program_stderr.h). */
  for (int i = 0; i < 3; i++)
    SYS(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
}

static void runtime_thread_main(void *argument) {
  struct runtime_thread *start = argument;
  if (!start->companion)
    empty_descriptors();
  while (!atomic_load(&start->go))
    futex_wait(&start->go, 0, 0);
  SYS(prctl, PR_SET_NAME, start->name, 0, 0, 0);
  start->function(start->argument);
}

static int spawn(void (*function)(void *), void *argument, const char *name,
                 bool companion, struct hwckpt_error *error) {
  unsigned slot = 0;
  while (slot < RUNTIME_THREADS && atomic_load(&quiesce.runtime_tids[slot]))
    slot++;
  char *block = make_tables() && slot < RUNTIME_THREADS
                    ? private_map(RUNTIME_STACK + 4096)
                    : 0;
  if (!block)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, name,
                       "stack of the runtime's thread");
  struct runtime_thread *start = (struct runtime_thread *)block;
  start->function = function;
  start->argument = argument;
  start->companion = companion;
  for (unsigned i = 0; i < 15 && name[i]; i++)
    start->name[i] = name[i];
  uint64_t all = ~0ull, before;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  long tid =
      arch_spawn(CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD |
                     CLONE_SYSVSEM | (companion ? CLONE_FILES : 0),
                 block + RUNTIME_STACK, arch_tls_fill(block + RUNTIME_STACK),
                 runtime_thread_main, start);
  if (tid > 0)
    atomic_store(&quiesce.runtime_tids[slot], (int)tid);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  atomic_store(&start->go, 1);
  futex_wake(&start->go);
  if (tid < 0) {
    private_unmap(block, RUNTIME_STACK + 4096);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-tid, name,
                       "thread of the runtime");
  }
  return 0;
}

int quiesce_spawn(void (*function)(void *), void *argument, const char *name,
                  struct hwckpt_error *error) {
  return spawn(function, argument, name, false, error);
}

int quiesce_spawn_companion(void (*function)(void *), void *argument,
                            const char *name, struct hwckpt_error *error) {
  return spawn(function, argument, name, true, error);
}

bool quiesce_is_runtime_thread(int tid) {
  for (unsigned i = 0; i < RUNTIME_THREADS; i++)
    if (atomic_load(&quiesce.runtime_tids[i]) == tid)
      return true;
  return false;
}

bool quiesce_is_in_save(int tid) {
  struct slot *slot = find_slot(tid);
  return slot && atomic_load(&slot->state) != SLOT_FREE &&
         waits_for_result(&slot->parked) && !atomic_load(&slot->done);
}

/* ---- stopping, on the checkpoint thread ---- */

struct stop {
  int pid;
  uint32_t epoch;
  unsigned parked;  /* entries of quiesce.tables->threads that are parked */
  unsigned missing; /* threads seen that are not parked */
  bool signal_all;  /* the grace for sites is over */
  int last_missing;
};

static bool parked_in(const struct slot *slot, uint32_t epoch) {
  if (!slot)
    return false;
  if (atomic_load(&slot->state) == SLOT_FREE)
    return false;
  /* A save that has its result runs on. */
  return waits_for_result(&slot->parked) ? !atomic_load(&slot->done)
                                         : slot->epoch == epoch;
}

/* Signals the thread unless it has been, or may still reach a site by itself.
 */
static void chase(struct stop *stop, int tid) {
  struct interruption *call =
      interrupted_find(quiesce.tables->calls, SLOTS, tid);
  if (!call)
    return;
  /* Real-time signals queue and are not lost: one is enough. */
  if (call->epoch == stop->epoch)
    return;
  struct interruption seen;
  bool blocked = interrupted_look(tid, &seen);
  if (!blocked && !stop->signal_all)
    return;
  seen.epoch = stop->epoch;
  *call = seen;
  call->tid = tid;
  send_stop(stop->pid, tid);
}

static void see_thread(int tid, void *context) {
  struct stop *stop = context;
  if (quiesce_is_runtime_thread(tid))
    return;
  struct slot *slot = find_slot(tid);
  if (parked_in(slot, stop->epoch)) {
    if (stop->parked < SLOTS) {
      quiesce.tables->threads[stop->parked] = slot->parked;
      stop->parked++;
    }
    return;
  }
  if (task_is_dead(tid))
    return;
  stop->missing++;
  stop->last_missing = tid;
  chase(stop, tid);
}

static int stop_failed(const struct stop *stop, struct hwckpt_error *error) {
  char object[32];
  hwckpt_format(object, sizeof object, "thread %d", stop->last_missing);
  return hwckpt_fail(error, HWCKPT_E_NOT_STOPPED, 0, object,
                     "%u of %u threads stopped within %llu s", stop->parked,
                     stop->parked + stop->missing, TIMEOUT_NS / 1000000000u);
}

/* One look at all threads; true when every one is parked. */
static bool look(struct stop *stop) {
  stop->parked = stop->missing = 0;
  task_each(see_thread, stop);
  return stop->missing == 0;
}

static int stop_all(struct stop *stop, struct hwckpt_error *error) {
  uint64_t begin = quiesce_now_ns();
  for (bool settled = false;;) {
    uint32_t arrivals = atomic_load(&quiesce.arrivals);
    if (look(stop)) {
      /* A thread may have been born by one that parked after the list was
       * read: the second look is of a program that stands still. */
      if (settled)
        return 0;
      settled = true;
      continue;
    }
    settled = false;
    uint64_t waited = quiesce_now_ns() - begin;
    if (waited > TIMEOUT_NS)
      return stop_failed(stop, error);
    if (atomic_load(&quiesce.arrivals) == arrivals)
      futex_wait(&quiesce.arrivals, arrivals,
                 waited < GRACE_NS ? GRACE_NS - waited + 1 : RESEND_NS);
    stop->signal_all = quiesce_now_ns() - begin >= GRACE_NS;
  }
}

/* What a thread was doing in the kernel is put into its registers. */
static void settle_threads(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    struct slot *slot = find_slot(quiesce.tables->threads[i].tid);
    atomic_store(&slot->state, SLOT_CAPTURED);
    struct interruption *call = interrupted_find(
        quiesce.tables->calls, SLOTS, quiesce.tables->threads[i].tid);
    if (call && quiesce.tables->threads[i].reason == PARK_SIGNAL)
      interrupted_settle(call, quiesce.tables->threads[i].context);
  }
}

static void main_thread_first(unsigned count, int pid) {
  for (unsigned i = 1; i < count; i++)
    if (quiesce.tables->threads[i].tid == pid) {
      struct parked swap = quiesce.tables->threads[0];
      quiesce.tables->threads[0] = quiesce.tables->threads[i];
      quiesce.tables->threads[i] = swap;
    }
}

int quiesce_stop(const struct quiesce_hooks *hooks, struct parked **threads,
                 unsigned *count, struct hwckpt_error *error) {
  struct stop stop = {.pid = (int)SYS(getpid),
                      .epoch = atomic_load(&quiesce.epoch)};
  quiesce_install();
  atomic_store(&quiesce.stopping, 1);
  if (hooks)
    hooks->arm();
  else
    stop.signal_all = true;
  int result = stop_all(&stop, error);
  if (hooks)
    hooks->disarm();
  if (result < 0) {
    quiesce_resume();
    return result;
  }
  main_thread_first(stop.parked, stop.pid);
  settle_threads(stop.parked);
  quiesce.count = stop.parked;
  quiesce.on_resume = hooks ? hooks->resume : 0;
  *threads = quiesce.tables->threads;
  *count = stop.parked;
  return 0;
}

bool quiesce_blocks(int number) {
  for (unsigned i = 0; i < quiesce.count; i++)
    if (arch_context_sigmask(quiesce.tables->threads[i].context) >>
            (number - 1) &
        1)
      return true;
  return false;
}

void quiesce_resume(void) {
  if (quiesce.on_resume)
    quiesce.on_resume();
  quiesce.on_resume = 0;
  atomic_store(&quiesce.stopping, 0);
  atomic_fetch_add(&quiesce.epoch, 1);
  futex_wake(&quiesce.epoch);
}

static void finish_save(struct slot *slot, int result) {
  slot->result = result;
  atomic_store(&slot->done, 1);
  futex_wake(&slot->done);
}

void quiesce_finish_saves(int result) {
  for (unsigned i = 0; i < quiesce.count; i++) {
    if (!waits_for_result(&quiesce.tables->threads[i]))
      continue;
    struct slot *slot = find_slot(quiesce.tables->threads[i].tid);
    if (slot && atomic_load(&slot->state) == SLOT_CAPTURED)
      finish_save(slot, result);
  }
}

static void fail_save(int tid, void *context) {
  struct slot *slot = find_slot(tid);
  if (slot && atomic_load(&slot->state) != SLOT_FREE &&
      waits_for_result(&slot->parked))
    finish_save(slot, *(const int *)context);
}

void quiesce_fail_saves(int result) { task_each(fail_save, &result); }

static void look_for_save(int tid, void *context) {
  if (quiesce_is_in_save(tid))
    *(bool *)context = true;
}

bool quiesce_save_waits(void) {
  bool waits = false;
  task_each(look_for_save, &waits);
  return waits;
}

void quiesce_forget(void) {
  struct sigaction_raw libc_action = quiesce.libc_action;
  memset(&quiesce, 0, sizeof quiesce);
  quiesce.libc_action = libc_action;
}
