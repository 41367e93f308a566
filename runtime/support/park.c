/* park.c - see park.h.
 *
 * Threads are woken as a tree of two levels, as wide as there are processors:
 * the checkpoint thread wakes the leaders in one system call, each leader its
 * group in one more before it goes on. A waker that makes several calls may
 * lose its processor to those it has woken, for as long as they like to run.
 */
#include "park.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"
#include "handlers.h"
#include "ignored.h"
#include "live.h"
#include "private.h"
#include "rseq.h"
#include "unhandled.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define PLACES QUIESCE_THREADS_MAX /* power of two */
#define PROBES 256u /* a thread's place is this near to its hash */
#define GROUPS 32u
/* A thread in a save has blocked a signal by then, or cannot. */
#define BLOCK_NS 1000000000ull

struct slot {
  _Atomic uint32_t done; /* a save: DONE_* (futex) */
  _Atomic uint32_t sent; /* on an errand, from the stop */
  unsigned number;       /* place in the array of the stop */
  _Atomic uint64_t open; /* a save: signals that it leaves open */
  bool captured;         /* a save: it was part of a stop */
  uint64_t since_ns;     /* a save: when it came */
  int result;
  struct slot *next_save; /* list of saves */
  struct parked parked;
};

enum { DONE_NO, DONE_RESULT = 1, DONE_ERRAND = 2, DONE_BLOCK = 4 }; /* bits */

struct places {
  _Atomic int tids[PLACES]; /* 0: free */
  struct slot slots[PLACES];
  struct slot *_Atomic order[PLACES]; /* as they parked in this stop */
};

/* The stop: its number, whether it is under way, threads that parked in it. */
#define EPOCH(word) ((uint32_t)((word) >> 32))
#define UNDER_WAY (1ull << 31)
#define PARKED(word) ((uint32_t)(word) & 0x7fffffffu)

/* Who parks as i-th is the leader of group i, or belongs to group i modulo the
 * number of groups. */
struct group {
  _Atomic uint32_t epoch; /* of the stop that may not be left (futex) */
  char apart[60];
};

static LIVE struct {
  struct group leaders, groups[GROUPS];
  _Atomic uint32_t group_count;
  struct places *_Atomic places; /* private memory */
  _Atomic uint64_t stop;
  _Atomic uint32_t inside;         /* parking, parked or leaving (futex) */
  _Atomic uint32_t parked;         /* stand in this stop */
  _Atomic uint32_t saves;          /* stand in a save, without a result */
  struct slot *_Atomic first_save; /* list; taken apart by one thread only */
  _Atomic uint32_t wanted; /* who makes it so many that stand rings the bell */
  _Atomic uint32_t bell;   /* futex */
  const struct quiesce_errand *errand;
  _Atomic uint32_t back;       /* threads that have done it (futex) */
  _Atomic uint32_t over;       /* errands from which all are back (futex) */
  _Atomic int pid;             /* whose threads stand */
  _Atomic uint64_t open;       /* who stands in this stop leaves it open */
  _Atomic uint32_t open_saves; /* saves that leave some open */
  _Atomic uint64_t to_block;   /* what they are told to */
} park;

static void futex_wait(_Atomic uint32_t *word, uint32_t value,
                       uint64_t timeout_ns) {
  struct timespec timeout = {(time_t)(timeout_ns / 1000000000u),
                             (long)(timeout_ns % 1000000000u)};
  SYS(futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ns ? &timeout : 0, 0, 0);
}

static void futex_wake(_Atomic uint32_t *word, unsigned count) {
  SYS(futex, word, FUTEX_WAKE_PRIVATE, count, 0, 0, 0);
}

/* Threads may come here at once: one table is everybody's. */
bool park_open(void) {
  if (atomic_load(&park.places))
    return true;
  struct places *places = private_map(sizeof *places), *none = 0;
  atomic_store(&park.pid, (int)SYS(getpid));
  if (places && !atomic_compare_exchange_strong(&park.places, &none, places))
    private_unmap(places, sizeof *places);
  return atomic_load(&park.places) != 0;
}

/* Parked from before any stop, until the checkpoint is through. */
static bool waits_for_result(const struct parked *parked) {
  return parked->reason == PARK_SAVE || parked->reason == PARK_WAIT ||
         parked->reason == PARK_LOAD;
}

static bool is_load(const struct slot *slot) {
  return slot->parked.reason == PARK_LOAD;
}

/* ---- on the program's threads ---- */

static struct slot *claim_slot(int tid) {
  struct places *places = atomic_load(&park.places);
  for (unsigned i = 0; places && i < PROBES; i++) {
    unsigned place = ((unsigned)tid + i) & (PLACES - 1);
    int nobody = 0;
    if (atomic_compare_exchange_strong(&places->tids[place], &nobody, tid))
      return &places->slots[place];
  }
  return 0;
}

static struct slot *find_slot(int tid) {
  struct places *places = atomic_load(&park.places);
  for (unsigned i = 0; places && i < PROBES; i++) {
    unsigned place = ((unsigned)tid + i) & (PLACES - 1);
    if (atomic_load(&places->tids[place]) == tid)
      return &places->slots[place];
  }
  return 0;
}

/* Those that were blocked before stay so. */
static void set_open(const ucontext_t *context, uint64_t open) {
  uint64_t mask = ~open | arch_context_sigmask(context);
  SYS(rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
}

/* A handler that is set as soon as the thread does not stand any more may run
 * before it has left ours, and its code may have sites. */
static void set_leaving(const ucontext_t *context, uint64_t open) {
  set_open(context, open | 1ull << (SIGTRAP - 1) | 1ull << (SIGILL - 1) |
                        1ull << (SIGSYS - 1) | 1ull << (SIGSEGV - 1));
}

static void leave_slot(struct slot *slot) {
  struct places *places = atomic_load(&park.places);
  atomic_store(&slot->open, 0);
  atomic_store(&places->tids[slot - places->slots], 0);
}

static void fill_slot(struct slot *slot, enum park_reason reason,
                      ucontext_t *context, int tid) {
  struct parked *parked = &slot->parked;
  parked->tid = tid;
  parked->reason = reason;
  parked->context = context;
  arch_get_tls(&parked->fs_base, &parked->gs_base);
  parked->clear_tid = 0;
  SYS(prctl, PR_GET_TID_ADDRESS, &parked->clear_tid, 0, 0, 0);
  SYS(prctl, PR_GET_NAME, parked->name, 0, 0, 0);
  thread_settings_read(&parked->settings);
  parked->settings.rseq = (uint8_t)rseq_look(parked->fs_base);
  SYS(get_robust_list, 0, &parked->robust_list, &parked->robust_length);
  atomic_store(&slot->sent, 0);
  slot->captured = false;
}

/* The last of those that are waited for rings the bell, nobody else. */
static void say_standing(void) {
  if (park_standing() < atomic_load(&park.wanted))
    return;
  atomic_fetch_add(&park.bell, 1);
  futex_wake(&park.bell, 1);
}

/* Counts the thread in; false: no stop is under way. */
static bool take_ticket(uint64_t *stop) {
  *stop = atomic_load(&park.stop);
  while (*stop & UNDER_WAY)
    if (atomic_compare_exchange_weak(&park.stop, stop, *stop + 1))
      return true;
  return false;
}

static void wake(struct group *group, uint32_t epoch) {
  atomic_store(&group->epoch, epoch + 1);
  futex_wake(&group->epoch, 0x7fffffff);
}

/* It may come back as another thread, after handlers have changed. Until all
 * are back the group's epoch says nothing: nobody can sleep on that. */
static void do_errand(struct slot *slot) {
  const struct quiesce_errand *errand = park.errand;
  uint32_t over = atomic_load(&park.over);
  char *top = errand->stacks + errand->first + slot->number * errand->other;
  ucontext_t *context = slot->parked.context;
  set_open(context, 0);
  arch_call_on_stack(top, errand->function, slot->number, errand->argument);
  set_open(context, waits_for_result(&slot->parked) ? atomic_load(&slot->open)
                                                    : atomic_load(&park.open));
  atomic_store(&slot->sent, 0);
  atomic_store(&slot->done, DONE_NO);
  atomic_fetch_add(&park.back, 1);
  futex_wake(&park.back, 1);
  while (atomic_load(&park.over) == over)
    futex_wait(&park.over, over, 0);
}

static void wait_for_end(struct slot *slot, unsigned i, uint64_t stop) {
  uint32_t count = atomic_load(&park.group_count), epoch = EPOCH(stop);
  struct group *group = i < count ? &park.leaders : &park.groups[i % count];
  while (EPOCH(atomic_load(&park.stop)) == epoch)
    if (atomic_load(&slot->sent))
      do_errand(slot);
    else
      futex_wait(&group->epoch, epoch, 0);
  if (i < count)
    wake(&park.groups[i], epoch);
}

bool quiesce_park(enum park_reason reason, ucontext_t *context) {
  return atomic_load(&park.stop) & UNDER_WAY &&
         park_at(reason, context, (int)SYS(gettid));
}

bool park_at(enum park_reason reason, ucontext_t *context, int tid) {
  uint64_t stop = atomic_load(&park.stop);
  if (!(stop & UNDER_WAY))
    return false;
  struct slot *slot = claim_slot(tid);
  if (!slot)
    return false;
  atomic_fetch_add(&park.inside, 1);
  uint64_t open = atomic_load(&park.open);
  if (reason != PARK_SIGNAL) /* its handler may have begun before the stop */
    set_open(context, open);
  fill_slot(slot, reason, context, tid);
  bool counted = take_ticket(&stop);
  if (counted) {
    unsigned i = PARKED(stop);
    atomic_store(&atomic_load(&park.places)->order[i], slot);
    atomic_fetch_add(&park.parked, 1);
    say_standing();
    wait_for_end(slot, i, stop);
  }
  set_leaving(context, open);
  leave_slot(slot);
  if (atomic_fetch_sub(&park.inside, 1) == 1)
    futex_wake(&park.inside, 1);
  return counted;
}

static void list_save(struct slot *slot) {
  slot->next_save = atomic_load(&park.first_save);
  while (
      !atomic_compare_exchange_weak(&park.first_save, &slot->next_save, slot)) {
  }
}

/* Before anything that takes time. */
static void open_save(struct slot *slot, const ucontext_t *context) {
  atomic_store(&slot->done, DONE_NO);
  signal_actions_lock();
  uint64_t open = unhandled_known();
  atomic_store(&slot->open, open);
  atomic_fetch_add(&park.open_saves, 1);
  signal_actions_unlock(~open | arch_context_sigmask(context));
}

static void block_in_save(struct slot *slot, uint64_t signals) {
  uint64_t open = atomic_load(&slot->open) & ~signals;
  set_open(slot->parked.context, open);
  atomic_store(&slot->open, open);
}

/* Handlers that were set by system calls; a filter may forbid to ask. */
static void look_again(struct slot *slot) {
  uint64_t open = atomic_load(&slot->open);
  uint64_t handled = resources_filtered() ? 0 : open & ~unhandled_of(open);
  if (handled)
    block_in_save(slot, handled);
}

static void close_save(struct slot *slot, const ucontext_t *context) {
  set_leaving(context, atomic_load(&slot->open));
  leave_slot(slot);
  atomic_fetch_sub(&park.open_saves, 1);
}

int quiesce_park_until_saved(enum park_reason reason, ucontext_t *context,
                             void (*ask)(void)) {
  if (!park_open())
    return -ENOMEM;
  int tid = (int)SYS(gettid);
  struct slot *slot = claim_slot(tid);
  if (!slot)
    return -EAGAIN;
  open_save(slot, context);
  fill_slot(slot, reason, context, tid);
  look_again(slot);
  slot->since_ns = quiesce_now_ns();
  list_save(slot);
  atomic_fetch_add(&park.saves, 1);
  say_standing();
  ask();
  for (uint32_t done; !((done = atomic_load(&slot->done)) & DONE_RESULT);)
    if (done & DONE_ERRAND)
      do_errand(slot);
    else if (done & DONE_BLOCK) {
      atomic_fetch_and(&slot->done, ~(uint32_t)DONE_BLOCK);
      block_in_save(slot, atomic_load(&park.to_block));
    } else
      futex_wait(&slot->done, DONE_NO, 0);
  int result = slot->result;
  close_save(slot, context);
  return result;
}

/* ---- handlers that are set meanwhile ---- */

bool park_is_here(void) { return atomic_load(&park.pid) == (int)SYS(getpid); }

static void tell_to_block(struct slot *slot, uint64_t signals) {
  uint64_t begin = quiesce_now_ns();
  if (!(atomic_load(&slot->open) & signals))
    return;
  atomic_fetch_or(&slot->done, DONE_BLOCK);
  futex_wake(&slot->done, 1);
  while (atomic_load(&slot->open) & signals &&
         quiesce_now_ns() - begin < BLOCK_NS)
    SYS(sched_yield);
}

/* With the lock held. */
static void block_in_saves(uint64_t signals) {
  struct places *places = atomic_load(&park.places);
  if (!atomic_load(&park.open_saves))
    return;
  atomic_store(&park.to_block, signals);
  for (unsigned i = 0; i < PLACES; i++)
    if (atomic_load(&places->tids[i]))
      tell_to_block(&places->slots[i], signals);
}

bool park_block(uint64_t signals) {
  if (atomic_load(&park.stop) & UNDER_WAY || park_leaving())
    return false;
  block_in_saves(signals);
  return true;
}

/* ---- on the checkpoint thread ---- */

unsigned park_leaving(void) { return atomic_load(&park.inside); }

unsigned park_processors(void) {
  uint64_t mask[16] = {0};
  unsigned count = 0;
  SYS(sched_getaffinity, 0, sizeof mask, mask);
  for (unsigned i = 0; i < 16; i++)
    count += (unsigned)__builtin_popcountll(mask[i]);
  return count < 1 ? 1 : count;
}

static uint32_t count_groups(void) {
  unsigned processors = park_processors();
  return processors < GROUPS ? processors : GROUPS;
}

void park_drain(void) {
  for (uint32_t left; (left = park_leaving()) != 0;)
    futex_wait(&park.inside, left, 0);
}

/* With nobody setting a handler. Threads in saves are told of those that were
 * set unseen. */
static void begin_open(void) {
  uint64_t before = signal_actions_lock();
  unhandled_look();
  uint64_t open = unhandled_known();
  block_in_saves(~open);
  signal_open_handlers(open);
  ignored_set(unhandled_ignored());
  atomic_store(&park.open, open);
  atomic_fetch_or(&park.stop, UNDER_WAY);
  signal_actions_unlock(before);
}

void park_begin(void) {
  park_drain();
  struct places *places = atomic_load(&park.places);
  for (unsigned i = 0; i < PLACES && atomic_load(&places->order[i]); i++)
    atomic_store(&places->order[i], 0);
  uint32_t epoch = EPOCH(atomic_load(&park.stop));
  atomic_store(&park.group_count, count_groups());
  atomic_store(&park.leaders.epoch, epoch);
  for (unsigned i = 0; i < GROUPS; i++)
    atomic_store(&park.groups[i].epoch, epoch);
  atomic_store(&park.parked, 0);
  atomic_store(&park.wanted, ~0u);
  begin_open();
}

void park_leave_none_open(void) {
  signal_open_handlers(0);
  atomic_store(&park.open, 0);
}

unsigned park_standing(void) {
  return atomic_load(&park.parked) + atomic_load(&park.saves);
}

void park_await(unsigned wanted, uint64_t timeout_ns) {
  uint32_t bell = atomic_load(&park.bell);
  atomic_store(&park.wanted, wanted);
  if (park_standing() < wanted)
    futex_wait(&park.bell, bell, timeout_ns);
  atomic_store(&park.wanted, ~0u);
}

bool park_stands(int tid) { return find_slot(tid) != 0; }

unsigned park_collect(struct parked *threads) {
  const struct places *places = atomic_load(&park.places);
  unsigned count = 0;
  struct slot *slot;
  for (; count < PLACES && (slot = atomic_load(&places->order[count])); count++)
    threads[count] = slot->parked;
  for (slot = atomic_load(&park.first_save); slot && count < PLACES;
       slot = slot->next_save) {
    slot->captured = true;
    threads[count++] = slot->parked;
  }
  return count;
}

void park_end(void) {
  uint32_t epoch = EPOCH(atomic_load(&park.stop));
  atomic_store(&park.stop, (uint64_t)(epoch + 1) << 32);
  wake(&park.leaders, epoch);
}

/* The list is taken as a whole: only who may free a slot takes it apart. */
static void finish(bool loads, uint64_t before_ns, int result) {
  struct slot *next, *slot = atomic_exchange(&park.first_save, 0);
  for (; slot; slot = next) {
    next = slot->next_save;
    if (is_load(slot) != loads ||
        (!slot->captured && slot->since_ns >= before_ns)) {
      list_save(slot);
      continue;
    }
    slot->result = result;
    atomic_fetch_sub(&park.saves, 1);
    atomic_store(&slot->done, DONE_RESULT);
    futex_wake(&slot->done, 1);
  }
}

void park_finish_saves(uint64_t before_ns, int result) {
  finish(false, before_ns, result);
}

void park_finish_loads(int result) { finish(true, UINT64_MAX, result); }

static bool any_waits(bool loads) {
  const struct slot *slot = atomic_load(&park.first_save);
  while (slot && is_load(slot) != loads)
    slot = slot->next_save;
  return slot != 0;
}

bool quiesce_save_waits(void) { return any_waits(false); }

bool quiesce_load_waits(void) { return any_waits(true); }

/* ---- errands ---- */

/* Whoever stands in the stop looks whether it is sent. */
static void set_epochs(uint32_t epoch) {
  atomic_store(&park.leaders.epoch, epoch);
  for (unsigned i = 0; i < GROUPS; i++)
    atomic_store(&park.groups[i].epoch, epoch);
}

void park_send(const struct quiesce_errand *errand,
               const struct parked *threads, unsigned count) {
  park.errand = errand;
  atomic_store(&park.back, 0);
  for (unsigned i = 0; i < count; i++) {
    struct slot *slot = find_slot(threads[i].tid);
    slot->number = i;
    if (waits_for_result(&threads[i])) {
      atomic_store(&slot->done, DONE_ERRAND);
      futex_wake(&slot->done, 1);
    } else {
      atomic_store(&slot->sent, 1);
    }
  }
  /* Another value than theirs: nobody goes to sleep meanwhile. */
  set_epochs(~EPOCH(atomic_load(&park.stop)));
  futex_wake(&park.leaders.epoch, 0x7fffffff);
  for (unsigned i = 0; i < GROUPS; i++)
    futex_wake(&park.groups[i].epoch, 0x7fffffff);
}

void park_recall(unsigned count) {
  for (uint32_t back; (back = atomic_load(&park.back)) != count;)
    futex_wait(&park.back, back, 0);
  set_epochs(EPOCH(atomic_load(&park.stop)));
  atomic_fetch_add(&park.over, 1);
  futex_wake(&park.over, 0x7fffffff);
}

void park_abandon(const struct parked *threads, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    leave_slot(find_slot(threads[i].tid));
  atomic_store(&park.first_save, 0);
  atomic_store(&park.saves, 0);
  atomic_store(&park.parked, 0);
  atomic_store(&park.inside, 0);
  atomic_store(&park.open_saves, 0);
  unhandled_forget();
}

bool quiesce_is_in_save(int tid) {
  const struct slot *slot = find_slot(tid);
  return slot && waits_for_result(&slot->parked) &&
         !(atomic_load(&slot->done) & DONE_RESULT);
}

void park_forget(void) {
  memset(&park, 0, sizeof park);
  unhandled_forget();
  ignored_forget();
}
