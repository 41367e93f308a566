/* callbacks.c - see callbacks.h. */
#include "callbacks.h"

#include "../../intrinsics/hwckpt.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/quiesce.h"
#include "events.h"
#include "sections.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))
#define CALLBACKS 64
#define NAME 64

/* Of libc; a static program may lack it. */
extern int pthread_create(unsigned long *thread, const void *attributes,
                          void *(*function)(void *), void *argument)
    __attribute__((weak));

static struct callback {
  hwckpt_callback_function *function; /* null: free */
  void *argument;
  int order;
  uint32_t number; /* of its registration, ascending */
  char name[NAME];
} callbacks[CALLBACKS];
static uint32_t registrations;

/* Of this round, in the order of "before". */
static struct turn {
  unsigned slot;
  uint32_t number; /* another one there was not called */
} turns[CALLBACKS];
static unsigned turn_count;

static struct {
  _Atomic uint32_t busy;    /* futex, of who registers */
  _Atomic uint32_t jobs;    /* futex: bit per enum hwckpt_moment */
  _Atomic uint32_t started; /* the thread is there */
  _Atomic uint32_t called;  /* in this round: turns below have prepared */
  _Atomic uint32_t current; /* the one that runs */
  _Atomic int refused;      /* its result */
  _Atomic bool in_section;  /* refused, as it returned in one */
  _Atomic uint32_t deadline_ms;
  _Atomic uint64_t thread; /* its thread pointer */
} state = {.deadline_ms = 10000};

/* ---- on the thread of the callbacks ---- */

static void lock(void) {
  while (atomic_exchange(&state.busy, 1))
    SYS(futex, &state.busy, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
}

static void unlock(void) {
  atomic_store(&state.busy, 0);
  SYS(futex, &state.busy, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

static bool is_before(const struct callback *one,
                      const struct callback *other) {
  return one->order != other->order ? one->order < other->order
                                    : one->number < other->number;
}

static void take_turns(void) {
  lock();
  turn_count = 0;
  for (unsigned slot = 0; slot < CALLBACKS; slot++) {
    if (!callbacks[slot].function)
      continue;
    unsigned at = turn_count++;
    for (; at && is_before(&callbacks[slot], &callbacks[turns[at - 1].slot]);
         at--)
      turns[at] = turns[at - 1];
    turns[at] = (struct turn){slot, callbacks[slot].number};
  }
  unlock();
}

/* Not with the lock: it may register others. A section that it leaves open
 * would hold up the checkpoint, after which it means to end it. */
static int call(unsigned turn, enum hwckpt_moment moment) {
  lock();
  const struct callback callback = callbacks[turns[turn].slot];
  unlock();
  atomic_store(&state.current, turns[turn].slot);
  int result = callback.function && callback.number == turns[turn].number
                   ? callback.function(moment, callback.argument)
                   : 0;
  atomic_store(&state.in_section, sections_own());
  sections_end_own();
  return result;
}

static void prepare(void) {
  atomic_store(&state.refused, 0);
  take_turns();
  for (unsigned i = 0; i < turn_count; i++) {
    int result = call(i, HWCKPT_BEFORE);
    if (result || atomic_load(&state.in_section)) {
      atomic_store(&state.refused, result ? result : -EDEADLK);
      return;
    }
    atomic_store(&state.called, i + 1);
  }
}

/* Those that have prepared, the last first. */
static void tell(enum hwckpt_moment moment) {
  for (uint32_t left = atomic_load(&state.called); left-- > 0;) {
    call(left, moment);
    atomic_store(&state.called, left);
  }
}

static void *serve(void *unused) {
  uint64_t fs, gs;
  arch_get_tls(&fs, &gs);
  atomic_store(&state.thread, fs);
  for (;;) {
    uint32_t jobs = atomic_load(&state.jobs), job = 0;
    if (!jobs) {
      SYS(futex, &state.jobs, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
      continue;
    }
    while (!(jobs >> job & 1))
      job++;
    if (job == HWCKPT_BEFORE)
      prepare();
    else
      tell((enum hwckpt_moment)job);
    atomic_fetch_and(&state.jobs, ~(1u << job));
    SYS(futex, &state.jobs, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
  }
  return unused;
}

/* ---- registering ---- */

/* It gets no signal of the program's but those of its own failures. */
static int start(void) {
  static const int let_through[] = {SIGTRAP, SIGILL, SIGSEGV, SIGBUS,
                                    SIGFPE,  SIGSYS, 32,      33};
  uint64_t mask = ~0ull, before;
  unsigned long thread;
  if (atomic_load(&state.started))
    return 0;
  if (!pthread_create)
    return -ENOTSUP;
  for (size_t i = 0; i < sizeof let_through / sizeof *let_through; i++)
    mask &= ~(1ull << (let_through[i] - 1));
  SYS(rt_sigprocmask, SIG_SETMASK, &mask, &before, 8);
  int result = pthread_create(&thread, 0, serve, 0);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  if (result == 0)
    atomic_store(&state.started, 1);
  return -result;
}

static struct callback *find(const char *name) {
  for (struct callback *at = callbacks; at < callbacks + CALLBACKS; at++)
    if (at->function && strlen(at->name) == strlen(name) &&
        memcmp(at->name, name, strlen(name)) == 0)
      return at;
  return 0;
}

static struct callback *find_free(void) {
  for (struct callback *at = callbacks; at < callbacks + CALLBACKS; at++)
    if (!at->function)
      return at;
  return 0;
}

/* One that is there keeps its place among those of its order. */
static int set(const char *name, hwckpt_callback_function *function,
               void *argument, int order) {
  struct callback *at = find(name);
  if (!function) {
    if (at)
      at->function = 0;
    return at ? 0 : -ENOENT;
  }
  if (!at && (at = find_free()))
    at->number = ++registrations;
  if (!at)
    return -ENOSPC;
  at->argument = argument;
  at->order = order;
  hwckpt_format(at->name, sizeof at->name, "%s", name);
  at->function = function;
  return start();
}

EXPORTED int(hwckpt_callback_ordered)(const char *name,
                                      hwckpt_callback_function *function,
                                      void *argument, int order) {
  if (!events_serve())
    return -ENOSYS;
  if (!name || !*name || strlen(name) >= NAME)
    return -EINVAL;
  lock();
  int result = set(name, function, argument, order);
  unlock();
  return result;
}

EXPORTED int(hwckpt_callback)(const char *name,
                              hwckpt_callback_function *function,
                              void *argument) {
  return (hwckpt_callback_ordered)(name, function, argument, 0);
}

EXPORTED int(hwckpt_callback_deadline)(unsigned milliseconds) {
  if (!events_serve())
    return -ENOSYS;
  if (!milliseconds)
    return -EINVAL;
  atomic_store(&state.deadline_ms, milliseconds);
  return 0;
}

bool callbacks_own(void) {
  uint64_t fs, gs;
  arch_get_tls(&fs, &gs);
  return atomic_load(&state.started) && atomic_load(&state.thread) == fs;
}

/* ---- on the checkpoint thread ---- */

static void give(enum hwckpt_moment moment) {
  atomic_fetch_or(&state.jobs, 1u << moment);
  SYS(futex, &state.jobs, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

/* Between looks whether it is given up. */
#define LOOK_NS 10000000u

/* Whether all is done by the deadline. */
static bool await(uint64_t deadline, bool (*given_up)(void)) {
  uint32_t jobs;
  while ((jobs = atomic_load(&state.jobs))) {
    uint64_t now = quiesce_now_ns(), left = deadline - now;
    if (now >= deadline || (given_up && given_up()))
      return false;
    left = left < LOOK_NS ? left : LOOK_NS;
    struct timespec timeout = {(time_t)(left / 1000000000u),
                               (long)(left % 1000000000u)};
    SYS(futex, &state.jobs, FUTEX_WAIT_PRIVATE, jobs, &timeout, 0, 0);
  }
  return true;
}

static const char *current(void) {
  return callbacks[atomic_load(&state.current)].name;
}

int callbacks_before(bool (*given_up)(void), struct hwckpt_error *error) {
  uint32_t most = atomic_load(&state.deadline_ms);
  uint64_t deadline = quiesce_now_ns() + most * 1000000ull;
  if (!atomic_load(&state.started))
    return 0;
  bool done = await(deadline, given_up);
  if (done) {
    give(HWCKPT_BEFORE);
    done = await(deadline, given_up);
  }
  if (!done) {
    bool late = !given_up || !given_up();
    if (late)
      hwckpt_fail(error, HWCKPT_E_CALLBACK_LATE, 0, current(),
                  "it has not returned after %u ms", most);
    /* Those that have prepared are told when it returns after all. */
    give(HWCKPT_RESUMED);
    return late ? -HWCKPT_E_CALLBACK_LATE : 1;
  }
  int refused = atomic_load(&state.refused);
  if (!refused)
    return 0;
  /* The name first: by what follows another one is called. */
  if (atomic_load(&state.in_section))
    hwckpt_fail(error, HWCKPT_E_CALLBACK_REFUSED, 0, current(),
                "it returned in a critical section");
  else
    hwckpt_fail(error, HWCKPT_E_CALLBACK_REFUSED, 0, current(),
                "it returned %d", refused);
  give(HWCKPT_RESUMED);
  return -HWCKPT_E_CALLBACK_REFUSED;
}

void callbacks_after(void) {
  if (atomic_load(&state.called) && !atomic_load(&state.jobs))
    give(HWCKPT_RESUMED);
}

void callbacks_rolled_back(void) {
  if (atomic_load(&state.called))
    give(HWCKPT_ROLLED_BACK);
}

void callbacks_restored(void) {
  if (atomic_load(&state.called))
    give(HWCKPT_RESTORED);
}

void callbacks_begin_in_child(void) {
  memset(callbacks, 0, sizeof callbacks);
  atomic_store(&state.busy, 0);
  atomic_store(&state.jobs, 0);
  atomic_store(&state.started, 0);
  atomic_store(&state.called, 0);
}
